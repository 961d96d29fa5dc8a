// Package wiring describes how Envoy Gateway and egraft are connected: what the enabled features
// need from Envoy Gateway's configuration, and what a configuration contains.
//
// It parses the text it is given, and must not read files or connect to anything. It defines its
// own types for the few relevant fields: Envoy Gateway's types would add its whole API to the program.
package wiring

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Config has the fields of a configuration of kind EnvoyGateway that are relevant for egraft.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoygateway_types.go
type Config struct {
	Kind     string    `json:"kind"`
	Gateway  *Gateway  `json:"gateway"`
	Provider *Provider `json:"provider"`
	// ExtensionManager and ExtensionManagers exclude each other; Managers returns either.
	ExtensionManager  *Manager      `json:"extensionManager"`
	ExtensionManagers []Manager     `json:"extensionManagers"`
	ExtensionAPIs     ExtensionAPIs `json:"extensionApis"`
	RuntimeFlags      RuntimeFlags  `json:"runtimeFlags"`
}

// Gateway has the controller name by which GatewayClasses refer to Envoy Gateway.
type Gateway struct {
	ControllerName string `json:"controllerName"`
}

// ExtensionAPIs has the APIs that are off by default.
type ExtensionAPIs struct {
	EnableEnvoyPatchPolicy bool `json:"enableEnvoyPatchPolicy"`
	EnableBackend          bool `json:"enableBackend"`
}

// RuntimeFlags are switches between old and new behaviour.
type RuntimeFlags struct {
	Enabled  []string `json:"enabled"`
	Disabled []string `json:"disabled"`
}

// Provider is the source of resources and the way Envoy is run.
type Provider struct {
	Type       string      `json:"type"`
	Kubernetes *Kubernetes `json:"kubernetes"`
	Custom     *struct {
		Resource struct {
			Type string `json:"type"`
			File *struct {
				Paths []string `json:"paths"`
			} `json:"file"`
			Kubernetes *Kubernetes `json:"kubernetes"`
		} `json:"resource"`
	} `json:"custom"`
}

// Kubernetes has the namespaces that Envoy Gateway watches, and where it runs Envoy.
type Kubernetes struct {
	Watch *struct {
		Type              string                `json:"type"`
		Namespaces        []string              `json:"namespaces"`
		NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	} `json:"watch"`
	Deploy *struct {
		Type string `json:"type"`
	} `json:"deploy"`
}

// DeploysToGatewayNamespaces reports whether Envoys run in the namespaces of their Gateways.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoygateway_types.go#L508
func (c *Config) DeploysToGatewayNamespaces() bool {
	return c.Provider != nil && c.Provider.Kubernetes != nil && c.Provider.Kubernetes.Deploy != nil && c.Provider.Kubernetes.Deploy.Type == "GatewayNamespace"
}

// Manager is an extension manager: the settings for calls to an extension server.
type Manager struct {
	Name             string             `json:"name,omitempty"`
	PolicyResources  []Kind             `json:"policyResources,omitempty"`
	Resources        []Kind             `json:"resources,omitempty"`
	BackendResources []Kind             `json:"backendResources,omitempty"`
	Hooks            *Hooks             `json:"hooks,omitempty"`
	Service          *Service           `json:"service,omitempty"`
	FailOpen         bool               `json:"failOpen,omitempty"`
	MaxMessageSize   *resource.Quantity `json:"maxMessageSize,omitempty"`
}

// Hooks are the hooks that Envoy Gateway calls.
type Hooks struct {
	XDSTranslator *struct {
		Post        []string             `json:"post,omitempty"`
		Translation map[string]IncludeOf `json:"translation,omitempty"`
	} `json:"xdsTranslator,omitempty"`
}

// IncludeOf is whether a kind is included; nil means Envoy Gateway's default.
type IncludeOf struct {
	IncludeAll *bool `json:"includeAll,omitempty"`
}

// Service is the address of an extension server.
type Service struct {
	Unix *struct {
		Path string `json:"path"`
	} `json:"unix,omitempty"`
	FQDN *struct {
		Hostname string `json:"hostname"`
		Port     int32  `json:"port,omitempty"`
	} `json:"fqdn,omitempty"`
	IP *struct {
		Address string `json:"address"`
		Port    int32  `json:"port,omitempty"`
	} `json:"ip,omitempty"`
	Host string `json:"host,omitempty"`
	Port int32  `json:"port,omitempty"`
	TLS  any    `json:"tls,omitempty"`
}

// configKey is the key of the configuration in Envoy Gateway's ConfigMap.
const configKey = "envoy-gateway.yaml"

// Parse parses a configuration, or a ConfigMap with one. Like Envoy Gateway, it ignores unknown
// fields: a typo shows as a missing field.
func Parse(text []byte) (*Config, error) {
	c := struct {
		Config
		Data map[string]string `json:"data"`
	}{}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("parse Envoy Gateway's configuration: %w", err)
	}
	switch {
	case c.Kind == "ConfigMap" && c.Data[configKey] == "":
		return nil, fmt.Errorf("the ConfigMap has no data.%s", configKey)
	case c.Kind == "ConfigMap":
		return parseNested(c.Data[configKey])
	case c.Kind != "EnvoyGateway":
		return nil, fmt.Errorf("kind %q is not EnvoyGateway", c.Kind)
	}
	return &c.Config, nil
}

func parseNested(text string) (*Config, error) {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(text), &head); err == nil && head.Kind == "ConfigMap" {
		return nil, errors.New("the ConfigMap has a ConfigMap in it")
	}
	return Parse([]byte(text))
}
