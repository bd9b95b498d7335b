// What `azd up` provisions: a resource group of the environment's name, and main.bicep in it.

targetScope = 'subscription'

@description('Name of the azd environment.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of everything.')
param location string

@description('Name of the function app; it must be free in all of Azure.')
param appName string = 'handoff-${uniqueString(subscription().id, environmentName)}'

@description('Settings as in docs/settings.md, name to value. What is secret does not belong here but in `secrets`. The template sets `PUBLIC_URL`, `RETENTION_DAYS`, `STORE` and `AZURE_CLIENT_ID` itself, and Azure refuses a name that is given twice.')
param settings object

@description('Names of the settings whose values are secrets of the vault.')
param secrets array

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string

param zoneRedundant bool

param privateNetwork bool

@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string

param retentionDays int

@description('Root of the app as others reach it, with a slash at the end. Empty: the one that Azure gives it.')
param publicUrl string

param alwaysReady int

@allowed([512, 2048, 4096])
param instanceMemory int

@description('Addresses that are told when something is wrong. Empty: no alerts are made.')
param alertEmails array

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: { 'azd-env-name': environmentName }
}

module main 'main.bicep' = {
  name: 'handoff'
  scope: group
  params: {
    appName: appName
    location: location
    settings: settings
    secrets: secrets
    storageSku: storageSku
    zoneRedundant: zoneRedundant
    privateNetwork: privateNetwork
    siteUpdateStrategy: siteUpdateStrategy
    retentionDays: retentionDays
    publicUrl: empty(publicUrl) ? 'https://${appName}.azurewebsites.net/' : publicUrl
    alwaysReady: alwaysReady
    instanceMemory: instanceMemory
    alertEmails: alertEmails
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = main.outputs.AZURE_FUNCTION_APP_NAME
output AZURE_KEY_VAULT_NAME string = main.outputs.AZURE_KEY_VAULT_NAME
output CONNECTOR_ROOT string = main.outputs.root
output CONNECTOR_RESPONSE_ENDPOINT string = main.outputs.responseEndpoint
