using 'container-apps.bicep'

param appName = 'handoff-example'

param image = 'registry.example.com/servicenow-handoff:0.1.0'

param settings = {
  COPILOT_TOKEN_ENDPOINT: 'https://environment.example.com/powervirtualagents/botsbyschema/crf_agent/directline/token?api-version=2022-03-01-preview'
  SERVICENOW_URL: 'https://acme.example.com'
  SERVICENOW_USERNAME: 'handoff'
  SERVICENOW_CONTEXT: '{"LiveAgent_queue":"{SupportQueue}"}'
  ALLOWED_ORIGINS: 'https://www.example.com'
}

// Each is a secret of the vault, under its name in small letters with hyphens: `servicenow-password`.
param secrets = [
  'DIRECT_LINE_SECRET'
  'SERVICENOW_PASSWORD'
  'SERVICENOW_TOKEN'
  'RESPONSES_TOKEN'
]
