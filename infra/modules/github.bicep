// The identity of the release workflow. GitHub proves with each run who it is (OpenID Connect): no secret is stored.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('GitHub repository as its tokens name it: owner@id/name@id, or owner/name.')
param repository string

@description('Environments of the repository whose jobs may use the identity.')
param environments array

@description('Registry to which the workflow pushes.')
param registryName string

@description('Identity of the apps, which an update of an app assigns again.')
param pullIdentityName string

@description('Tags of all resources.')
param tags object

// Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec'
var containerAppsContributor = '358470bc-b998-42bd-ab17-a7e34c199c0f'
var containerAppsJobsContributor = '4e3d2b60-56ae-4dc6-a233-09c8e5a82e68'
var managedIdentityOperator = 'f1a07417-d97a-45cb-824c-7a7467783830'
var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-github'
  location: location
  tags: tags
}

// Azure refuses to create two of them at the same time.
@batchSize(1)
resource credentials 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [for environment in environments: {
  parent: identity
  name: environment
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    // Source: https://docs.github.com/actions/reference/security/oidc#immutable-subject-claims
    subject: 'repo:${repository}:environment:${environment}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}]

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource pullIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: pullIdentityName
}

resource push 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, identity.id, acrPush)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
  }
}

resource assign 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: pullIdentity
  name: guid(pullIdentity.id, identity.id, managedIdentityOperator)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', managedIdentityOperator)
  }
}

// On the group, which holds nothing else: an app cannot be updated without its environment, nor a deployment previewed
// without reading what exists.
resource release 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in [
  containerAppsContributor
  containerAppsJobsContributor
  reader
]: {
  name: guid(resourceGroup().id, identity.id, role)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
