// Everything the connector needs in one resource group: a Flex Consumption function app that signs in everywhere with
// its managed identity. No key and no connection string with a secret exists, here or in the outputs.
//
//   az deployment group create --resource-group <group> --template-file infra/main.bicep --parameters infra/main.bicepparam

@description('Name of the function app: the first label of its host name, so it must be free in all of Azure.')
@minLength(2)
@maxLength(60)
param appName string

@description('Region. `az functionapp list-flexconsumption-locations` lists those that have the plan.')
param location string = resourceGroup().location

@description('Settings as in docs/settings.md, name to value. What is secret does not belong here but in `secrets`. The template sets `PUBLIC_URL`, `RETENTION_DAYS`, `STORE` and `AZURE_CLIENT_ID` itself, and Azure refuses a name that is given twice.')
param settings object

@description('Names of the settings whose values are secrets of the vault: SERVICENOW_PASSWORD is read from `servicenow-password`.')
param secrets array

@description('Root of the app as others reach it, with a slash at the end. Set it when it has a domain of its own.')
param publicUrl string = 'https://${appName}.azurewebsites.net/'

@description('Days after its last word that what was said in a conversation is kept. A live chat ends after a day of silence.')
@minValue(7)
@maxValue(3650)
param retentionDays int = 30

@description('Instances that are always there. 0: the first request after a pause waits until one has started.')
@minValue(0)
param alwaysReady int = 1

@description('Instances at most.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemory int = 2048

@description('Requests that one instance works on at the same time. Most of them wait for a far end.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 200

@description('Redundancy of both storage accounts. `Standard_ZRS` survives the loss of a zone, where the region has zones: `az functionapp list-flexconsumption-locations --zone-redundant true` lists those.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Instances in several zones; needs a region with zones, and `storageSku` `Standard_ZRS` or `Standard_GZRS` to be of use.')
param zoneRedundant bool = false

@description('What becomes of running instances when code or settings change. `RollingUpdate` lets requests end and replaces instances in batches (a preview, not in every region); `Recreate` ends all of them at once. Nothing that was said is lost either way.')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string = 'RollingUpdate'

@description('A network of its own: the app reaches storage and vault over private endpoints, and both are closed to everybody else.')
param privateNetwork bool = false

@description('Address space of that network; at least a /25.')
param addressPrefix string = '10.90.0.0/24'

@description('Addresses that are told when something is wrong. Empty: no alerts are made.')
param alertEmails array = []

@description('Tag that `azd` finds the app by.')
param azdService string = 'handler'

var token = uniqueString(resourceGroup().id, appName)
var vaultName = 'kv-${token}'
var deployments = 'deployments'
var conversations = 'handoff'

// Built-in roles, by their documented ids.
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

var plainSettings = [for entry in items(settings): {
  name: entry.key
  value: entry.value
}]

// Read by the connector itself, at its start and again after a far end has refused what it had.
var secretSettings = [for name in secrets: {
  name: name
  value: 'keyvault:https://${vaultName}${environment().suffixes.keyvaultDns}/secrets/${toLower(replace(name, '_', '-'))}'
}]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${appName}'
  location: location
}

// The host's own account: the package, and the timer's lease.
resource hostStorage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'sthost${token}'
  location: location
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }

  resource blobs 'blobServices' = {
    name: 'default'
    resource packages 'containers' = { name: deployments }
  }
}

// What people say is in an account by itself: other people may read it, and it is not kept for ever.
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
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
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
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
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
    // With this the connection string opens nothing: senders sign in.
    DisableLocalAuth: true
  }
}

// The host needs the owner's role for the leases of its timer; table rights let it keep its diagnostic events.
resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identity.id, roles.storageBlobDataOwner)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identity.id, roles.storageTableDataContributor)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageTableDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
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

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

module network 'network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    location: location
    name: 'vnet-${appName}'
    addressPrefix: addressPrefix
    hostStorageId: hostStorage.id
    dataStorageId: dataStorage.id
    vaultId: vault.id
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    name: appName
    insightsId: insights.id
    healthUrl: '${publicUrl}api/health'
    alertEmails: alertEmails
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${appName}'
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

// The first version of the API that knows `siteUpdateStrategy`.
resource app 'Microsoft.Web/sites@2025-05-01' = {
  name: appName
  location: location
  kind: 'functionapp,linux'
  tags: { 'azd-service-name': azdService }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: privateNetwork ? network.outputs.appSubnet : null
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${deployments}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'custom', version: '1.0' }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: instanceMemory
        alwaysReady: alwaysReady == 0 ? [] : [{ name: 'http', instanceCount: alwaysReady }]
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      // No `cors`: the connector answers browsers itself, by ALLOWED_ORIGINS. No `healthCheckPath`: the plan has no
      // health check.
      appSettings: concat(
        [
          { name: 'AzureWebJobsStorage__accountName', value: hostStorage.name }
          { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
          { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
          { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
          {
            name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
            value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
          }
          { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
          { name: 'STORE', value: '${dataStorage.properties.primaryEndpoints.blob}${conversations}' }
          { name: 'PUBLIC_URL', value: publicUrl }
          { name: 'RETENTION_DAYS', value: string(retentionDays) }
        ],
        plainSettings,
        secretSettings
      )
    }
  }
  dependsOn: [hostStorage::blobs::packages, dataStorage::blobs::journals, hostBlobs, dataBlobs, vaultSecrets, telemetry]

  // Publishing goes by Entra ID; the passwords that every site is born with stay off.
  resource scmPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
  resource ftpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

output app string = app.name
output root string = 'https://${app.properties.defaultHostName}/'
output responseEndpoint string = 'https://${app.properties.defaultHostName}/api/servicenow/responses'
output vault string = vault.name
output AZURE_FUNCTION_APP_NAME string = app.name
output AZURE_KEY_VAULT_NAME string = vault.name
