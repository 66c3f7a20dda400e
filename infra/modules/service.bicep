// The service and the worker: two programs of one image, which share the settings of events and alerts.

@description('Prefix of all names.')
param name string

@description('Azure region.')
param location string

@description('Environment of the container apps.')
param environmentId string

@description('Identity that may pull images.')
param pullIdentityId string

@description('Registry of the image.')
param registryServer string

@description('Image, as repository:tag or repository@sha256:digest.')
param image string

@description('Suffix of the revision to deploy.')
param revision string

@description('Suffix of the revision that keeps the traffic. Empty, or that of the revision to deploy: that one gets it.')
param productionRevision string

@description('Largest number of replicas, with a database.')
param maxReplicas int

@description('API keys, separated by commas.')
@secure()
param keys string

@description('Application Insights to which events are forwarded.')
param insightsName string

@description('Keep events in PostgreSQL; otherwise in a file of the only replica.')
param database bool

@description('Host of the database. Empty without a database.')
param databaseHost string

@description('Password of the database.')
@secure()
param databasePassword string

@description('How much of a tweet to store with its prediction.')
param storedText string

@description('Time zone of the customers. Empty: no watch for a backlash.')
param buzzZone string

@description('Email addresses that receive alerts.')
param mails array

@description('SMTP server. Empty: the service sends no email.')
param smtpHost string

@description('User name for the SMTP server.')
param smtpUser string

@description('Password for the SMTP server.')
@secure()
param smtpPassword string

@description('Sender address of emails.')
param mailFrom string

@description('URL to which alerts are posted. Empty: none.')
@secure()
param webhook string

@description('Tags of all resources.')
param tags object

var app = '${name}-service'
// No alert without a store: without a database it is a file, and events are safe once Application Insights has them.
var store = database ? 'postgresql://events:${uriComponent(databasePassword)}@${databaseHost}/events?sslmode=require' : 'sqlite:////tmp/events.db'
var isFirst = empty(productionRevision) || productionRevision == revision

var eventSecrets = concat([
  {
    name: 'database'
    value: store
  }
  {
    name: 'insights'
    value: insights.properties.ConnectionString
  }
], empty(smtpUser) ? [] : [
  {
    name: 'smtp-password'
    value: smtpPassword
  }
], empty(webhook) ? [] : [
  {
    name: 'webhook'
    value: webhook
  }
])

// Settings left out here keep their defaults (docs/settings.md).
var eventSettings = concat([
  {
    name: 'TELEMETRY_DATABASE'
    secretRef: 'database'
  }
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    secretRef: 'insights'
  }
  {
    name: 'TELEMETRY_TEXT'
    value: storedText
  }
], empty(buzzZone) ? [] : [
  {
    name: 'TELEMETRY_BUZZ_ZONE'
    value: buzzZone
  }
], empty(smtpHost) ? [] : [
  {
    name: 'TELEMETRY_MAIL_TO'
    value: join(mails, ',')
  }
  {
    name: 'TELEMETRY_MAIL_FROM'
    value: mailFrom
  }
  {
    name: 'TELEMETRY_SMTP_HOST'
    value: smtpHost
  }
], empty(smtpUser) ? [] : [
  {
    name: 'TELEMETRY_SMTP_USER'
    value: smtpUser
  }
  {
    name: 'TELEMETRY_SMTP_PASSWORD'
    secretRef: 'smtp-password'
  }
], empty(webhook) ? [] : [
  {
    name: 'TELEMETRY_WEBHOOK'
    secretRef: 'webhook'
  }
])

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource service 'Microsoft.App/containerApps@2024-03-01' = {
  name: app
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${pullIdentityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 10
      ingress: {
        external: true
        targetPort: 3000
        transport: 'http'
        allowInsecure: false
        // A new revision waits under the label "staging", at its own address, until a release shifts the traffic to it.
        traffic: isFirst ? [
          {
            revisionName: '${app}--${revision}'
            label: 'production'
            weight: 100
          }
        ] : [
          {
            revisionName: '${app}--${productionRevision}'
            label: 'production'
            weight: 100
          }
          {
            revisionName: '${app}--${revision}'
            label: 'staging'
            weight: 0
          }
        ]
      }
      registries: [
        {
          server: registryServer
          identity: pullIdentityId
        }
      ]
      secrets: concat(eventSecrets, [
        {
          name: 'api-keys'
          value: keys
        }
      ])
    }
    template: {
      revisionSuffix: revision
      // SERVICE_TIMEOUT_SECONDS, and five more: requests in flight are answered first.
      terminationGracePeriodSeconds: 35
      containers: [
        {
          name: 'service'
          image: '${registryServer}/${image}'
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(eventSettings, [
            {
              name: 'SERVICE_API_KEYS'
              secretRef: 'api-keys'
            }
            {
              // The ingress; source: docs/engineer.md.
              name: 'SERVICE_TRUSTED_PROXIES'
              value: '100.100.0.0/17,100.100.128.0/19,100.100.160.0/19,100.100.192.0/19'
            }
            {
              // Half a core starts several times slower than the two on which the default was chosen.
              name: 'SERVICE_START_SECONDS'
              value: '120'
            }
          ])
          probes: [
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 3000
              }
              periodSeconds: 2
              timeoutSeconds: 2
              failureThreshold: 5
            }
            {
              // Until SERVICE_START_SECONDS the program itself decides whether its start has failed.
              type: 'Liveness'
              httpGet: {
                path: '/livez'
                port: 3000
              }
              initialDelaySeconds: 60
              periodSeconds: 15
              timeoutSeconds: 5
              failureThreshold: 5
            }
          ]
        }
      ]
      scale: {
        minReplicas: database ? 0 : 1
        maxReplicas: database ? maxReplicas : 1
        rules: [
          {
            name: 'http'
            http: {
              metadata: {
                concurrentRequests: '20'
              }
            }
          }
        ]
      }
    }
  }
}

// The service runs the jobs of events and alerts while it is awake, and for five minutes after the last request. While
// it sleeps, this job runs them for a minute in each quarter of an hour: what was not forwarded or delivered, the silent
// feed, retention. Without a database it would see none of the events.
resource worker 'Microsoft.App/jobs@2024-03-01' = if (database) {
  name: '${name}-worker'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${pullIdentityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        cronExpression: '*/15 * * * *'
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: 180
      replicaRetryLimit: 0
      registries: [
        {
          server: registryServer
          identity: pullIdentityId
        }
      ]
      secrets: eventSecrets
    }
    template: {
      containers: [
        {
          name: 'worker'
          image: '${registryServer}/${image}'
          // SIGTERM ends the worker in order, with exit code 0.
          command: [
            'timeout'
            '--preserve-status'
            '60'
            'python'
            '-m'
            'telemetry'
            'work'
          ]
          resources: {
            cpu: json('0.25')
            memory: '0.5Gi'
          }
          env: eventSettings
        }
      ]
    }
  }
}

output url string = 'https://${service.properties.configuration.ingress.fqdn}'
