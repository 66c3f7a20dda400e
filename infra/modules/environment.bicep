// The environment of the container apps. Its logs go to the workspace.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Workspace of Log Analytics that receives the logs.')
param workspaceName string

@description('Tags of all resources.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'cae-${name}'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: workspace.properties.customerId
        sharedKey: workspace.listKeys().primarySharedKey
      }
    }
    // With workload profiles, the addresses of the ingress are known: SERVICE_TRUSTED_PROXIES in service.bicep.
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

output id string = environment.id
