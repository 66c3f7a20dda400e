// The web page. It keeps its visitors' tweets in memory: a visitor always comes back to the same replica.

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

@description('Address of the service.')
param serviceUrl string

@description('API key to send to the service.')
@secure()
param key string

@description('Content of the TOML file that configures the log-in. Empty: no log-in.')
@secure()
param login string

@description('Let everybody use the page. Without it and without a log-in, the page does not start, and its log says why.')
param anonymous bool

@description('Tags of all resources.')
param tags object

var hasLogin = !empty(login)

resource page 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-page'
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
      // Session affinity needs single mode: a new revision replaces the old one once it is ready.
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        targetPort: 8501
        transport: 'http'
        allowInsecure: false
        stickySessions: {
          affinity: 'sticky'
        }
      }
      registries: [
        {
          server: registryServer
          identity: pullIdentityId
        }
      ]
      secrets: concat([
        {
          name: 'key'
          value: key
        }
      ], hasLogin ? [
        {
          name: 'login'
          value: login
        }
      ] : [])
    }
    template: {
      containers: [
        {
          name: 'page'
          image: '${registryServer}/${image}'
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat([
            {
              name: 'SERVICE_URL'
              value: serviceUrl
            }
            {
              name: 'SERVICE_KEY'
              secretRef: 'key'
            }
            {
              name: 'UI_ANONYMOUS'
              value: anonymous ? 'true' : 'false'
            }
            {
              // A cold start of the service includes pulling its image.
              name: 'UI_PATIENCE_SECONDS'
              value: '150'
            }
          ], hasLogin ? [
            {
              name: 'UI_LOGIN'
              value: '/login/login.toml'
            }
          ] : [])
          volumeMounts: hasLogin ? [
            {
              volumeName: 'login'
              mountPath: '/login'
            }
          ] : []
          probes: [
            {
              type: 'Readiness'
              httpGet: {
                path: '/_stcore/health'
                port: 8501
              }
              periodSeconds: 2
              timeoutSeconds: 2
              failureThreshold: 5
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/_stcore/health'
                port: 8501
              }
              initialDelaySeconds: 60
              periodSeconds: 15
              timeoutSeconds: 5
              failureThreshold: 5
            }
          ]
        }
      ]
      volumes: hasLogin ? [
        {
          name: 'login'
          storageType: 'Secret'
          secrets: [
            {
              secretRef: 'login'
              path: 'login.toml'
            }
          ]
        }
      ] : []
      scale: {
        minReplicas: 0
        maxReplicas: 2
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

output url string = 'https://${page.properties.configuration.ingress.fqdn}'
