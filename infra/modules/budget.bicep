// Emails before the month becomes expensive. A budget warns; it stops nothing.

@description('Prefix of all names.')
param name string

@description('Costs in a month, in the currency of the subscription.')
param amount int

@description('First day of the first month.')
param start string

@description('Email addresses to notify.')
param mails array

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: 'budget-${name}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: start
    }
    notifications: {
      spent: {
        enabled: true
        thresholdType: 'Actual'
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        contactEmails: mails
      }
      forecast: {
        enabled: true
        thresholdType: 'Forecasted'
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        contactEmails: mails
      }
    }
  }
}
