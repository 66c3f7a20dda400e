// Who is told what: the alert on mispredictions, and the warning before the daily cap.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Application Insights that has the events.')
param insightsId string

@description('Workspace of Log Analytics that has the daily cap.')
param workspaceId string

@description('The daily cap, in megabytes.')
param dailyMegabytes int

@description('Email addresses to notify.')
param mails array

@description('Phones to notify by SMS: objects with countryCode and phoneNumber.')
param phones array

@description('Tags of all resources.')
param tags object

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: name
    enabled: true
    emailReceivers: [for (mail, index) in mails: {
      name: 'mail-${index}'
      emailAddress: mail
      useCommonAlertSchema: true
    }]
    smsReceivers: [for (phone, index) in phones: {
      name: 'sms-${index}'
      countryCode: phone.countryCode
      phoneNumber: phone.phoneNumber
    }]
  }
}

resource mispredictions 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-mispredictions'
  location: location
  tags: tags
  properties: {
    displayName: 'Mispredictions reported'
    description: 'At least 3 different tweets were reported as mispredicted within 5 minutes. What to do: docs/monitoring.md, runbook.'
    severity: 2
    enabled: true
    // A new workspace may not know its tables yet; `make infra-check` has checked the query.
    skipQueryValidation: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: loadTextContent('../alert.kql')
          metricMeasureColumn: 'mispredicted'
          timeAggregation: 'Total'
          operator: 'GreaterThanOrEqual'
          threshold: 3
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    // One message per half hour, as TELEMETRY_ALERT_COOL_DOWN_MINUTES; Azure allows a pause only without resolution.
    autoMitigate: false
    muteActionsDuration: 'PT30M'
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}

resource dailyCap 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-daily-cap'
  location: location
  tags: tags
  properties: {
    displayName: 'Daily cap almost reached'
    description: 'Log Analytics has received 80 % of its daily cap. Beyond it, events are lost to Azure, and the alert on mispredictions sees none.'
    severity: 2
    enabled: true
    skipQueryValidation: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'P1D'
    criteria: {
      allOf: [
        {
          query: loadTextContent('../daily_cap.kql')
          metricMeasureColumn: 'megabytes'
          timeAggregation: 'Total'
          operator: 'GreaterThanOrEqual'
          threshold: dailyMegabytes * 8 / 10
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: false
    muteActionsDuration: 'P1D'
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}
