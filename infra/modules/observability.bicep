// Where events and logs are kept and queried: Application Insights on a workspace of Log Analytics.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Most data that the workspace accepts in a day, in megabytes.')
param dailyMegabytes int

@description('Tags of all resources.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${name}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    // Days that ingestion includes.
    retentionInDays: 30
    workspaceCapping: {
      // Bicep has no decimals: 100e-3 is JSON for 0.1.
      dailyQuotaGb: json('${dailyMegabytes}e-3')
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    // The service sends each event once and counts on all of them.
    SamplingPercentage: 100
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output insightsId string = insights.id
output insightsName string = insights.name
