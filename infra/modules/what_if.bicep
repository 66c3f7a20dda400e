// Lets the release workflow preview a deployment (what-if). It may start deployments, but it has no right to create what
// they contain.
targetScope = 'subscription'

@description('Prefix of all names.')
param name string

@description('Principal of the workflow.')
param principalId string

var here = subscription().id

resource preview 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(here, name, 'what-if')
  properties: {
    roleName: 'Preview deployments of ${name}'
    description: 'Validate and preview deployments at the scope of the subscription.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.Resources/deployments/*'
          'Microsoft.Resources/subscriptions/resourceGroups/read'
        ]
      }
    ]
    assignableScopes: [
      here
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(here, principalId, preview.id)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: preview.id
  }
}
