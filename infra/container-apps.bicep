// The connector as a container beside main.bicep's function app: Azure Container Apps, which carries web sockets, with an
// identity, storage without keys and a vault. No key and no connection string with a secret exists, here or in the outputs.
//
//   az deployment group create --resource-group <group> --template-file infra/container-apps.bicep --parameters infra/container-apps.bicepparam

@description('Name of the app: the first label of its host name.')
@minLength(2)
@maxLength(32)
param appName string

param location string = resourceGroup().location

@description('Image with its digest or tag, like `ghcr.io/<owner>/servicenow-handoff:<version>`.')
param image string

@description('Settings as in docs/settings.md, name to value. What is secret does not belong here but in `secrets`. The template sets `PUBLIC_URL`, `RETENTION_DAYS`, `STORE`, `LISTEN` and `AZURE_CLIENT_ID` itself, and Azure refuses a name that is given twice.')
param settings object

@description('Names of the settings whose values are secrets of the vault: SERVICENOW_PASSWORD is read from `servicenow-password`.')
param secrets array

@description('Root of the app as others reach it, with a slash at the end. Empty: the address that Container Apps gives it.')
param publicUrl string = ''

@description('Days after its last word that what was said in a conversation is kept.')
@minValue(7)
@maxValue(3650)
param retentionDays int = 30

@description('Replicas that are always there, one at least: with none, sockets and open chats would not be looked after while nobody asks.')
@minValue(1)
param minimumReplicas int = 1

@minValue(1)
param maximumReplicas int = 10

@description('Requests and sockets of one replica before another is started.')
param concurrency int = 400

@description('Redundancy of the storage account. `Standard_ZRS` where the region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Addresses that are told when `api/health` is not up. Empty: no alert is made.')
param alertEmails array = []

var token = uniqueString(resourceGroup().id, appName)
var vaultName = 'kv-${token}'
var conversations = 'handoff'
var root = empty(publicUrl) ? 'https://${appName}.${place.properties.defaultDomain}/' : publicUrl

// Built-in roles, by their documented ids.
var roles = {
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}

var plainSettings = [for entry in items(settings): {
  name: entry.key
  value: entry.value
}]

var secretSettings = [for name in secrets: {
  name: name
  value: 'keyvault:https://${vaultName}${environment().suffixes.keyvaultDns}/secrets/${toLower(replace(name, '_', '-'))}'
}]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${appName}'
  location: location
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'stdata${token}'
  location: location
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'
    resource journals 'containers' = { name: conversations }
  }

  // For what the connector has left behind: it deletes what has ended by itself, and knows what is open. `open/` is left alone: its
  // blobs say what the sweep must look at, and the connector deletes them.
  resource retention 'managementPolicies' = {
    name: 'default'
    properties: {
      policy: {
        rules: [
          {
            name: 'journals'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['appendBlob'], prefixMatch: ['${conversations}/journal/'] }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: retentionDays + 30 } } }
            }
          }
          {
            name: 'files'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${conversations}/files/'] }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: retentionDays + 30 } } }
            }
          }
        ]
      }
    }
    dependsOn: [blobs]
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: vaultName
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    softDeleteRetentionInDays: 7
  }
}

resource dataBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataStorage.id, identity.id, roles.storageBlobDataContributor)
  scope: dataStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource vaultSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${token}'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${token}'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    DisableLocalAuth: true
  }
}

// Logs go through Azure Monitor: the other way, straight into the workspace, needs its key.
resource place 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'cae-${appName}'
  location: location
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
  }
}

resource placeLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: place
  properties: {
    workspaceId: logs.id
    logs: [{ category: 'ContainerAppConsoleLogs', enabled: true }, { category: 'ContainerAppSystemLogs', enabled: true }]
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: appName
  location: location
  tags: { 'azd-service-name': 'handler' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    managedEnvironmentId: place.id
    configuration: {
      // The old revision goes on until the new one is ready; both write to one store.
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        allowInsecure: false
        targetPort: 8080
        // HTTP/1.1 and 2 and web sockets.
        transport: 'auto'
      }
    }
    template: {
      // What is under way is finished within 10 s.
      terminationGracePeriodSeconds: 30
      containers: [
        {
          name: 'handler'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: concat(
            [
              { name: 'LISTEN', value: '0.0.0.0:8080' }
              { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
              { name: 'STORE', value: '${dataStorage.properties.primaryEndpoints.blob}${conversations}' }
              { name: 'PUBLIC_URL', value: root }
              { name: 'RETENTION_DAYS', value: string(retentionDays) }
            ],
            plainSettings,
            secretSettings
          )
          probes: [
            { type: 'Startup', httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 60 }
            { type: 'Liveness', httpGet: { path: '/', port: 8080 }, periodSeconds: 10, failureThreshold: 3 }
            // Not api/health: a store that fails would take all replicas out, and polls, which are answered without it, would get a 503.
            { type: 'Readiness', httpGet: { path: '/', port: 8080 }, periodSeconds: 10, failureThreshold: 3 }
          ]
        }
      ]
      scale: {
        minReplicas: minimumReplicas
        maxReplicas: maximumReplicas
        rules: [{ name: 'http', http: { metadata: { concurrentRequests: string(concurrency) } } }]
      }
    }
  }
  dependsOn: [dataStorage::blobs::journals, dataBlobs, vaultSecrets]
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmails)) {
  name: 'ag-${appName}'
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

resource asked 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'health-${appName}'
  location: location
  kind: 'standard'
  tags: { 'hidden-link:${insights.id}': 'Resource' }
  properties: {
    SyntheticMonitorId: 'health-${appName}'
    Name: '${appName}: health'
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
    Request: { RequestUrl: '${root}api/health', HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 14 }
  }
}

resource notUp 'Microsoft.Insights/metricAlerts@2018-03-01' = if (!empty(alertEmails)) {
  name: '${appName}-not-up'
  location: 'global'
  tags: { 'hidden-link:${insights.id}': 'Resource', 'hidden-link:${asked.id}': 'Resource' }
  properties: {
    description: 'api/health does not answer 200 at two of the three places.'
    severity: 1
    enabled: true
    scopes: [asked.id, insights.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: asked.id
      componentId: insights.id
      failedLocationCount: 2
    }
    actions: [{ actionGroupId: people.id }]
  }
}

output app string = app.name
output root string = root
output responseEndpoint string = '${root}api/servicenow/responses'
output vault string = vault.name
