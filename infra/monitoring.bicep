// What to be woken by (docs/operations.md), a question from outside, and a page to look at.

param location string
param name string
param insightsId string
param healthUrl string
param alertEmails array

var wakes = !empty(alertEmails)

// Every line of the connector's is a JSON object in the trace's message.
var lines = 'traces | where customDimensions.Category == "Host.Function.Console" and message startswith "{" | extend line = parse_json(message)'

var alerts = [
  {
    name: 'given-up'
    title: 'Words were given up'
    why: 'Words of somebody were lost to the other side, and they were told so.'
    severity: 1
    window: 'PT15M'
    query: '${lines} | where line.message == "Counted" | summarize given_up = sum(tolong(line.given_up)) | where given_up > 0'
  }
  {
    name: 'undelivered'
    title: 'ServiceNow takes nothing'
    why: 'What users said has waited for more than a minute, in two sweeps.'
    severity: 1
    window: 'PT5M'
    query: '${lines} | where line.message == "Looked after what is open" | where tolong(line.oldest_undelivered_ms) > 60000 | summarize sweeps = count() | where sweeps > 1'
  }
  {
    name: 'refused-webhook'
    title: 'Answers of ServiceNow are refused'
    why: 'A call to the response endpoint was refused: compare RESPONSES_TOKEN with the Bot Connection or REST message.'
    severity: 2
    window: 'PT15M'
    query: '${lines} | where line.message == "A call to the response endpoint was refused: its credential is missing or wrong"'
  }
  {
    name: 'errors'
    title: 'Errors in the log'
    why: 'The connector wrote lines of level ERROR.'
    severity: 2
    window: 'PT15M'
    query: '${lines} | where line.level == "ERROR"'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (wakes) {
  name: 'ag-${name}'
  location: 'global'
  properties: {
    groupShortName: 'handoff'
    enabled: true
    emailReceivers: [for (email, i) in alertEmails: {
      name: 'email-${i}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in alerts: if (wakes) {
  name: '${name}-${alert.name}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${alert.title}'
    description: alert.why
    severity: alert.severity
    enabled: true
    evaluationFrequency: 'PT5M'
    windowSize: alert.window
    scopes: [insightsId]
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: alert.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}]

// Asked from three places every five minutes; it also keeps an eye on the certificate.
resource asked 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'health-${name}'
  location: location
  kind: 'standard'
  tags: { 'hidden-link:${insightsId}': 'Resource' }
  properties: {
    SyntheticMonitorId: 'health-${name}'
    Name: '${name}: health'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [
      { Id: 'emea-nl-ams-azr' }
      { Id: 'us-va-ash-azr' }
      { Id: 'apac-sg-sin-azr' }
    ]
    Request: { RequestUrl: healthUrl, HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 14 }
  }
}

resource notUp 'Microsoft.Insights/metricAlerts@2018-03-01' = if (wakes) {
  name: '${name}-not-up'
  location: 'global'
  tags: { 'hidden-link:${insightsId}': 'Resource', 'hidden-link:${asked.id}': 'Resource' }
  properties: {
    description: 'api/health does not answer 200 at two of the three places: the store or the token endpoint does not answer, or the app is down.'
    severity: 1
    enabled: true
    scopes: [asked.id, insightsId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: asked.id
      componentId: insightsId
      failedLocationCount: 2
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name, 'workbook')
  location: location
  kind: 'shared'
  properties: {
    displayName: '${name}: hand-offs'
    category: 'workbook'
    sourceId: insightsId
    serializedData: loadTextContent('workbook.json')
  }
}
