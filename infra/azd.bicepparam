using 'azd.bicep'

// `azd env set NAME VALUE` sets each; the first two azd asks for by itself.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

// JSON: {"SERVICENOW_URL":"https://acme.example.com"} and ["SERVICENOW_PASSWORD"].
param settings = json(readEnvironmentVariable('CONNECTOR_SETTINGS', '{}'))
param secrets = json(readEnvironmentVariable('CONNECTOR_SECRETS', '[]'))

param storageSku = readEnvironmentVariable('CONNECTOR_STORAGE_SKU', 'Standard_LRS')
param zoneRedundant = bool(readEnvironmentVariable('CONNECTOR_ZONE_REDUNDANT', 'false'))
param privateNetwork = bool(readEnvironmentVariable('CONNECTOR_PRIVATE_NETWORK', 'false'))
param siteUpdateStrategy = readEnvironmentVariable('CONNECTOR_UPDATE_STRATEGY', 'RollingUpdate')
param retentionDays = int(readEnvironmentVariable('CONNECTOR_RETENTION_DAYS', '30'))
param publicUrl = readEnvironmentVariable('CONNECTOR_PUBLIC_URL', '')
param alwaysReady = int(readEnvironmentVariable('CONNECTOR_ALWAYS_READY', '1'))
param instanceMemory = int(readEnvironmentVariable('CONNECTOR_INSTANCE_MEMORY', '2048'))
param alertEmails = json(readEnvironmentVariable('CONNECTOR_ALERT_EMAILS', '[]'))
