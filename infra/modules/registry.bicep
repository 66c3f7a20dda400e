// The images, and the identity with which the apps pull them. No password exists.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Tags of all resources.')
param tags object

// Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  // checkov:skip=CKV_AZURE_139:Only the plan "Premium" has private networks; pulling needs a role.
  // checkov:skip=CKV_AZURE_163:Defender is a plan of the subscription; the release scans images before it pushes them.
  // checkov:skip=CKV_AZURE_166:Only the plan "Premium" has quarantine.
  // Unique in all of Azure.
  name: 'cr${name}${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

resource pullIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-pull'
  location: location
  tags: tags
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, pullIdentity.id, acrPull)
  properties: {
    principalId: pullIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

output name string = registry.name
output loginServer string = registry.properties.loginServer
output pullIdentityId string = pullIdentity.id
output pullIdentityName string = pullIdentity.name
output pullIdentityClientId string = pullIdentity.properties.clientId
