// Package policy asks the API server.
package policy

import _ "k8s.io/client-go/kubernetes"
