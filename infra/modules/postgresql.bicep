// The event store: PostgreSQL, the smallest flexible server.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Password of the administrator, with which the service connects.')
@secure()
param password string

@description('Tags of all resources.')
param tags object

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  // Unique in all of Azure.
  name: 'psql-${name}-${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  sku: {
    name: 'Standard_B1ms'
    tier: 'Burstable'
  }
  properties: {
    version: '16'
    administratorLogin: 'events'
    administratorLoginPassword: password
    storage: {
      storageSizeGB: 32
      autoGrow: 'Disabled'
    }
    backup: {
      backupRetentionDays: 7
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: {
      mode: 'Disabled'
    }
    network: {
      publicNetworkAccess: 'Enabled'
    }
  }
}

resource events 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: server
  name: 'events'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
}

// Apps of the consumption plan have no fixed address. This special rule lets any address within Azure connect, other
// customers' included: what protects the data is TLS and the password.
resource azure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01' = {
  parent: server
  name: 'azure'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

output host string = server.properties.fullyQualifiedDomainName
