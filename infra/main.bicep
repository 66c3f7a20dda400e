// Everything that the demonstration needs in Azure. Parameters: main.bicepparam. How to deploy: docs/deploy.md.
targetScope = 'subscription'

@description('Prefix of all names: lower-case letters and digits.')
@minLength(3)
@maxLength(12)
param name string

@description('Azure region.')
param location string

@description('Where the service runs. "appService" is the free plan F1: the service alone, without page, worker and database.')
@allowed([
  'containerApps'
  'appService'
])
param hosting string

@description('Image of the service in the registry, as repository:tag or repository@sha256:digest. Empty: not deployed yet.')
param serviceImage string

@description('Image of the page in the registry. Empty: not deployed yet.')
param pageImage string

@description('Suffix of the revision of the service to deploy: lower-case letters, digits and "-". A changed service needs a new one.')
param revision string

@description('Suffix of the revision that keeps the traffic, while the new one waits under the label "staging". Empty: the new one gets it.')
param productionRevision string

@description('Largest number of replicas of the service. Without a database, it is 1.')
@minValue(1)
@maxValue(10)
param maxReplicas int

@description('API keys of the service, separated by commas.')
@secure()
param serviceKeys string

@description('The one of these keys that the page sends.')
@secure()
param pageKey string

@description('Configuration of the log-in (docs/operator.md): the content of a TOML file with the section [auth].')
@secure()
param pageLogin string

@description('Let everybody use the page, without log-in.')
param pageAnonymous bool

@description('Keep events in PostgreSQL. If false, they are kept in the only replica, which always runs, and lost with it.')
param database bool

@description('Password of the database: 8 to 128 characters of three kinds.')
@secure()
param databasePassword string

@description('How much of a tweet to store with its prediction.')
@allowed([
  'none'
  'masked'
  'raw'
])
param storedText string

@description('Time zone of the customers, for the watch for a backlash. Empty: no watch.')
param buzzZone string

@description('Email addresses that receive alerts.')
param alertMails array

@description('Phones that receive alerts by SMS: objects with countryCode ("33") and phoneNumber.')
param alertPhones array

@description('SMTP server by which the service itself sends its alerts (backlash, silent feed). Empty: it sends none.')
param smtpHost string

@description('User name for the SMTP server.')
param smtpUser string

@description('Password for the SMTP server.')
@secure()
param smtpPassword string

@description('Sender address of these emails.')
param mailFrom string

@description('URL to which the service itself posts its alerts. Empty: it posts none.')
@secure()
param webhook string

@description('Most data that Log Analytics accepts in a day, in megabytes; beyond it, data is lost until the next day.')
@minValue(24)
param dailyMegabytes int

@description('Costs in a month, in the currency of the subscription, at which emails warn (80 % spent, 100 % forecast).')
@minValue(1)
param budgetAmount int

@description('First day of the month of the first deployment; Azure does not let it change afterwards.')
param budgetStart string

@description('GitHub repository whose workflows may release, as its tokens name it: owner@id/name@id, or owner/name if it was created before July 15, 2026. Empty: none.')
param repository string

@description('Environments of the repository in which these workflows run.')
param githubEnvironments array

var tags = {
  application: name
}
var inContainerApps = hosting == 'containerApps'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: location
  tags: tags
}

module observability 'modules/observability.bicep' = {
  scope: group
  name: 'observability'
  params: {
    name: name
    location: location
    dailyMegabytes: dailyMegabytes
    tags: tags
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    name: name
    location: location
    insightsId: observability.outputs.insightsId
    workspaceId: observability.outputs.workspaceId
    dailyMegabytes: dailyMegabytes
    mails: alertMails
    phones: alertPhones
    tags: tags
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: {
    location: location
    insightsId: observability.outputs.insightsId
    tags: tags
  }
}

module budget 'modules/budget.bicep' = {
  scope: group
  name: 'budget'
  params: {
    name: name
    amount: budgetAmount
    start: budgetStart
    mails: alertMails
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  name: 'registry'
  params: {
    name: name
    location: location
    tags: tags
  }
}

module postgresql 'modules/postgresql.bicep' = if (database && inContainerApps) {
  scope: group
  name: 'postgresql'
  params: {
    name: name
    location: location
    password: databasePassword
    tags: tags
  }
}

module environment 'modules/environment.bicep' = if (inContainerApps) {
  scope: group
  name: 'environment'
  params: {
    name: name
    location: location
    workspaceName: observability.outputs.workspaceName
    tags: tags
  }
}

module service 'modules/service.bicep' = if (inContainerApps && !empty(serviceImage)) {
  scope: group
  name: 'service'
  params: {
    name: name
    location: location
    environmentId: inContainerApps ? environment.outputs.id : ''
    pullIdentityId: registry.outputs.pullIdentityId
    registryServer: registry.outputs.loginServer
    image: serviceImage
    revision: revision
    productionRevision: productionRevision
    maxReplicas: maxReplicas
    keys: serviceKeys
    insightsName: observability.outputs.insightsName
    database: database
    databaseHost: database && inContainerApps ? postgresql.outputs.host : ''
    databasePassword: databasePassword
    storedText: storedText
    buzzZone: buzzZone
    mails: alertMails
    smtpHost: smtpHost
    smtpUser: smtpUser
    smtpPassword: smtpPassword
    mailFrom: mailFrom
    webhook: webhook
    tags: tags
  }
}

module page 'modules/page.bicep' = if (inContainerApps && !empty(serviceImage) && !empty(pageImage)) {
  scope: group
  name: 'page'
  params: {
    name: name
    location: location
    environmentId: inContainerApps ? environment.outputs.id : ''
    pullIdentityId: registry.outputs.pullIdentityId
    registryServer: registry.outputs.loginServer
    image: pageImage
    serviceUrl: inContainerApps && !empty(serviceImage) ? service.outputs.url : ''
    key: pageKey
    login: pageLogin
    anonymous: pageAnonymous
    tags: tags
  }
}

module appService 'modules/app_service.bicep' = if (!inContainerApps && !empty(serviceImage)) {
  scope: group
  name: 'appService'
  params: {
    name: name
    location: location
    pullIdentityId: registry.outputs.pullIdentityId
    pullIdentityClientId: registry.outputs.pullIdentityClientId
    registryServer: registry.outputs.loginServer
    image: serviceImage
    keys: serviceKeys
    insightsName: observability.outputs.insightsName
    storedText: storedText
    tags: tags
  }
}

module github 'modules/github.bicep' = if (!empty(repository)) {
  scope: group
  name: 'github'
  params: {
    name: name
    location: location
    repository: repository
    environments: githubEnvironments
    registryName: registry.outputs.name
    pullIdentityName: registry.outputs.pullIdentityName
    tags: tags
  }
}

module whatIf 'modules/what_if.bicep' = if (!empty(repository)) {
  name: 'what-if'
  params: {
    name: name
    principalId: empty(repository) ? '' : github.outputs.principalId
  }
}

// What the release workflow needs, as variables of the repository.
output resourceGroup string = group.name
output registryServer string = registry.outputs.loginServer
output serviceApp string = '${name}-service'
output pageApp string = '${name}-page'
output workerJob string = '${name}-worker'
output githubClientId string = empty(repository) ? '' : github.outputs.clientId
output tenantId string = tenant().tenantId
output subscriptionId string = subscription().subscriptionId
// What a person opens.
output serviceUrl string = empty(serviceImage) ? '' : (inContainerApps ? service.outputs.url : appService.outputs.url)
output pageUrl string = inContainerApps && !empty(serviceImage) && !empty(pageImage) ? page.outputs.url : ''
