using 'azd.bicep'

// `azd env set NAME VALUE` sets each; the first two azd asks for by itself.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

// JSON: {"SERVICENOW_URL":"https://acme.example.com"} and ["SERVICENOW_PASSWORD"].
param settings = json(readEnvironmentVariable('CONNECTOR_SETTINGS', '{}'))
param secrets = json(readEnvironmentVariable('CONNECTOR_SECRETS', '[]'))

param storageSku = readEnvironmentVariable('CONNECTOR_STORAGE_SKU', 'Standard_LRS')
param privateNetwork = bool(readEnvironmentVariable('CONNECTOR_PRIVATE_NETWORK', 'false'))
param alertEmails = json(readEnvironmentVariable('CONNECTOR_ALERT_EMAILS', '[]'))
