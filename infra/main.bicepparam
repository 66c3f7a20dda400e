// Every parameter of main.bicep, with what it means there. Secrets, and what each release changes, come from the
// environment of the command; docs/deploy.md names the variables.
using 'main.bicep'

param name = 'vigie'
param location = 'francecentral'
param hosting = 'containerApps'

param serviceImage = readEnvironmentVariable('SERVICE_IMAGE', '')
param pageImage = readEnvironmentVariable('PAGE_IMAGE', '')
param revision = readEnvironmentVariable('REVISION', 'first')
param productionRevision = readEnvironmentVariable('PRODUCTION_REVISION', '')
param maxReplicas = 2

param serviceKeys = readEnvironmentVariable('SERVICE_KEYS')
param pageKey = readEnvironmentVariable('PAGE_KEY')
param pageLogin = readEnvironmentVariable('PAGE_LOGIN', '')
param pageAnonymous = false

param database = true
param databasePassword = readEnvironmentVariable('DATABASE_PASSWORD')
param storedText = 'none'
param buzzZone = 'Europe/Paris'

param alertMails = split(readEnvironmentVariable('ALERT_MAIL'), ',')
param alertPhones = []
param smtpHost = ''
param smtpUser = ''
param smtpPassword = readEnvironmentVariable('SMTP_PASSWORD', '')
param mailFrom = ''
param webhook = readEnvironmentVariable('ALERT_WEBHOOK', '')

param dailyMegabytes = 100
param budgetAmount = 40
param budgetStart = '2026-12-01'

param repository = ''
param githubEnvironments = [
  'staging'
  'production'
]
