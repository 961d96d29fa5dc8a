package logging

// Keys of log records. A key has one meaning and one type everywhere.
const (
	// KeyError is an error as text.
	KeyError = "error"
	// KeyHook is a hook of Envoy Gateway, spelled as in its configuration.
	KeyHook = "hook"
	// KeyMethod is a gRPC method that is not a hook, with its service.
	KeyMethod = "method"
	// KeyFeature is the name of a feature.
	KeyFeature = "feature"
	// KeyKind is the kind of a resource, Envoy's or Kubernetes'.
	KeyKind = "kind"
	// KeyResource is the name of an xDS resource.
	KeyResource = "resource"
	// KeyPolicy is a custom resource as "Kind namespace/name".
	KeyPolicy = "policy"
	// KeyGateway is a Gateway as namespace/name.
	KeyGateway = "gateway"
	// KeyPolicies is a list of policies, each with its effect.
	KeyPolicies = "policies"
	// KeyResult is the outcome of a mutator on a resource.
	KeyResult = "result"
	// KeyResults is the number of resources by result.
	KeyResults = "results"
	// KeyReason is a reason in the sense of Kubernetes conditions.
	KeyReason = "reason"
	// KeyFinding is the code of a reason, as in docs/outcomes.md.
	KeyFinding = "finding"
	// KeyMessage is an explanation for people.
	KeyMessage = "message"
	// KeyAdded is a list of names of xDS resources that were added.
	KeyAdded = "added"
	// KeyStack is the stack of a panic.
	KeyStack = "stack"
	// KeyPanic is the value of a panic as text.
	KeyPanic = "panic"
	// KeyCode is a gRPC status code by name.
	KeyCode = "code"
	// KeyDuration is a Go duration.
	KeyDuration = "duration"
	// KeyRequestBytes is the size of a request's message on the wire.
	KeyRequestBytes = "requestBytes"
	// KeyResponseBytes is the size of a response's message on the wire.
	KeyResponseBytes = "responseBytes"
	// KeyTimeout is a timeout as a Go duration.
	KeyTimeout = "timeout"
	// KeyLimit is a limit in bytes that was exceeded.
	KeyLimit = "limit"
	// KeySetting is the flag to change.
	KeySetting = "setting"
	// KeyGatewaySetting is the field of Envoy Gateway's configuration to change.
	KeyGatewaySetting = "envoyGatewaySetting"
	// KeyAdminAddress is the host:port of the admin listener, or "off".
	KeyAdminAddress = "adminAddress"
	// KeyAddress is an address to listen on or to call: host:port or unix:PATH.
	KeyAddress = "address"
	// KeyPath is a path in the file system.
	KeyPath = "path"
	// KeyUID is a Unix user id.
	KeyUID = "uid"
	// KeyPID is a process id.
	KeyPID = "pid"
	// KeyVersion is a version of egraft.
	KeyVersion = "version"
	// KeyCommit is the revision that egraft was built from.
	KeyCommit = "commit"
	// KeyFeatures are the names of the enabled features.
	KeyFeatures = "features"
	// KeyModules are the features that are not built in, each with its module and version.
	KeyModules = "modules"
	// KeyRetryAfter is the Go duration until the next attempt.
	KeyRetryAfter = "retryAfter"
	// KeyPermission is a permission that a Kubernetes role must grant.
	KeyPermission = "permission"
	// KeyWrite is what is written to Kubernetes: "event" or "conditions".
	KeyWrite = "write"
	// KeyVariable is the name of an environment variable.
	KeyVariable = "variable"
)
