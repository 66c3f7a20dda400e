// The service alone on the free plan of App Service (F1). What fits in it, and what does not: docs/deploy.md.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Identity that may pull images.')
param pullIdentityId string

@description('Client id of that identity.')
param pullIdentityClientId string

@description('Registry of the image.')
param registryServer string

@description('Image, as repository:tag or repository@sha256:digest.')
param image string

@description('API keys, separated by commas.')
@secure()
param keys string

@description('Application Insights to which events are forwarded.')
param insightsName string

@description('How much of a tweet to store with its prediction.')
param storedText string

@description('Tags of all resources.')
param tags object

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2023-12-01' = {
  // checkov:skip=CKV_AZURE_225:The free plan has no zones.
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'linux'
  sku: {
    name: 'F1'
    tier: 'Free'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2023-12-01' = {
  // checkov:skip=CKV_AZURE_17:Clients of the API have keys, not certificates.
  // checkov:skip=CKV_AZURE_212:The free plan has one instance.
  // checkov:skip=CKV_AZURE_213:A health check would keep the app awake and use up the minutes of the free plan.
  // checkov:skip=CKV_AZURE_222:The API is public; requests need a key.
  // Unique in all of Azure.
  name: '${name}-service-${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  kind: 'app,linux,container'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${pullIdentityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    siteConfig: {
      linuxFxVersion: 'DOCKER|${registryServer}/${image}'
      acrUseManagedIdentityCreds: true
      acrUserManagedIdentityID: pullIdentityClientId
      // The free plan has no "always on": the app sleeps after 20 minutes without a request.
      alwaysOn: false
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      // App Service encrypts settings, and has no references to secrets but to those of a key vault.
      appSettings: [
        {
          // Of App Service: the port of the container.
          name: 'WEBSITES_PORT'
          value: '3000'
        }
        {
          // Of App Service: how long it waits for the container, in seconds.
          name: 'WEBSITES_CONTAINER_START_TIME_LIMIT'
          value: '230'
        }
        {
          name: 'SERVICE_START_SECONDS'
          value: '200'
        }
        {
          name: 'SERVICE_API_KEYS'
          value: keys
        }
        {
          name: 'TELEMETRY_DATABASE'
          value: 'sqlite:////tmp/events.db'
        }
        {
          name: 'TELEMETRY_TEXT'
          value: storedText
        }
        {
          name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
          value: insights.properties.ConnectionString
        }
      ]
    }
  }
}

output url string = 'https://${site.properties.defaultHostName}'
