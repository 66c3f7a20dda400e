// The workbook: the queries of infra/queries as a page of charts and tables, in Application Insights under "Workbooks".

@description('Azure region.')
param location string

@description('Application Insights that has the events.')
param insightsId string

@description('Tags of all resources.')
param tags object

// In the order of the page.
var charts = [
  {
    title: 'Predictions per day, by version and source'
    query: loadTextContent('../queries/volume.kql')
    visualization: 'table'
  }
  {
    title: 'Share of negative answers per day, with its 95 % interval'
    query: loadTextContent('../queries/negative_share.kql')
    visualization: 'table'
  }
  {
    title: 'Tweets of API clients per hour, and the usual number of negative ones'
    query: loadTextContent('../queries/buzz.kql')
    visualization: 'timechart'
  }
  {
    title: 'Feedback that called the answer correct, per week (not the accuracy of the model)'
    query: loadTextContent('../queries/agreement.kql')
    visualization: 'table'
  }
  {
    title: 'Reported mistakes per week, version and kind'
    query: loadTextContent('../queries/feedback.kql')
    visualization: 'table'
  }
  {
    title: 'Drift of the predicted probability: the last 7 days against the days before'
    query: loadTextContent('../queries/drift.kql')
    visualization: 'table'
  }
  {
    title: 'Distribution of the predicted probability per week'
    query: loadTextContent('../queries/probability.kql')
    visualization: 'table'
  }
  {
    title: 'Latency per hour, in milliseconds'
    query: loadTextContent('../queries/latency.kql')
    visualization: 'timechart'
  }
  {
    title: 'Length of the tweets, and latency, per day'
    query: loadTextContent('../queries/length.kql')
    visualization: 'table'
  }
  {
    title: 'Disagreements of a challenger per day'
    query: loadTextContent('../queries/disagreements.kql')
    visualization: 'table'
  }
]

var introduction = {
  type: 1
  name: 'introduction'
  content: {
    json: 'Trends of the last 28 days. They ring nothing: the alert on mispredictions and the watch for a backlash do. What to look for in each: docs/monitoring.md.'
  }
}

var queries = [for (chart, index) in charts: {
  type: 3
  name: 'query-${index}'
  content: {
    version: 'KqlItem/1.0'
    title: chart.title
    query: chart.query
    size: 0
    queryType: 0
    resourceType: 'microsoft.insights/components'
    crossComponentResources: [
      insightsId
    ]
    timeContext: {
      durationMs: 2419200000
    }
    visualization: chart.visualization
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'tweet sentiment')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Tweet sentiment'
    category: 'workbook'
    sourceId: insightsId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([
        introduction
      ], queries)
      fallbackResourceIds: [
        insightsId
      ]
    })
  }
}
