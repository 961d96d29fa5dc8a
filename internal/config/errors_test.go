package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/unixsocket"
)

func messages(errs field.ErrorList) []string {
	var out []string
	for _, e := range errs {
		out = append(out, e.Error())
	}
	return out
}

func TestBadFiles(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string
	}{
		{"empty", "", []string{`--config: Invalid value: "FILE": is empty`}},
		{"not YAML", "a: [", []string{`--config: Invalid value: "FILE": not YAML: line 1: did not find expected node content`}},
		{"not a map", "- a", []string{`--config: Invalid value: "FILE": must be a map of settings`}},
		{"two documents", header + "---\nsocket: /a\n", []string{`--config: Invalid value: "FILE": has more than one YAML document`}},
		{"something after the end", header + "---\n[", []string{`--config: Invalid value: "FILE": has more than one YAML document`}},
		{"of nothing", "socket: /a", []string{
			"apiVersion: Required value: must be config.egraft.io/v1alpha1", "kind: Required value: must be EgraftConfiguration",
		}},
		{"of something else", "apiVersion: v1\nkind: ConfigMap", []string{
			`apiVersion: Unsupported value: "v1": supported values: "config.egraft.io/v1alpha1"`,
			`kind: Unsupported value: "ConfigMap": supported values: "EgraftConfiguration"`,
		}},
		{"unknown field", header + "sockets: /a", []string{"sockets: Forbidden: unknown field"}},
		{"wrong case", header + "allowedUids: [1]", []string{`allowedUids: Forbidden: unknown field, did you mean "allowedUIDs"?`}},
		{"name of the flag", header + "call-timeout: 1s", []string{`call-timeout: Forbidden: unknown field, did you mean "callTimeout"?`}},
		{"field twice", header + "socket: /a\nsocket: /b", []string{
			`--config: Invalid value: "FILE": not YAML: unmarshal errors:  line 4: key "socket" already set in map`,
		}},
		{"mode that YAML reads as a number", header + "socketMode: 0660", []string{`socketMode: Invalid value: "432": must be a string`}},
		{"number without unit", header + "callTimeout: 30", []string{`callTimeout: Invalid value: "30": must be a string`}},
		{"duration without unit", header + `callTimeout: "30"`, []string{
			`callTimeout: Invalid value: "30": must be a duration with its unit, like "1s" or "1m30s"`,
		}},
		{"null", header + "socket:", []string{`socket: Invalid value: "null": must be a string`}},
		{"text for bool", header + `reflection: "true"`, []string{`reflection: Invalid value: "true": must be true or false`}},
		{"text for list", header + "disableFeatures: a", []string{`disableFeatures: Invalid value: "a": must be a list of strings`}},
		{"user names", header + "allowedUIDs: [root]", []string{`allowedUIDs: Invalid value: "[\"root\"]": must be a list of numeric user IDs`}},
		{"failure policy", header + "failurePolicy: {a: deny, b: Deny, c: Open}", []string{
			`failurePolicy: Invalid value: "{\"a\":\"deny\",\"b\":\"Deny\",\"c\":\"Open\"}": ` +
				`policy "deny" of "a" must be Deny, Ignore or Fail` + "\n" + `policy "Open" of "c" must be Deny, Ignore or Fail`,
		}},
		{"text for rules", header + "namespaceRules: namespaces=*", []string{`namespaceRules: Invalid value: "namespaces=*": must be a list of rules, whose fields are lists of strings`}},
		{"no rules", header + "namespaceRules: []", []string{`namespaceRules: Invalid value: "[]": must not be empty; omit it to permit everything`}},
		{"unknown field of a rule", header + "namespaceRules: [{namespaces: ['*'], workloadIds: [/a]}]", []string{
			`namespaceRules: Invalid value: "[{\"namespaces\":[\"*\"],\"workloadIds\":[\"/a\"]}]": unknown field "[0].workloadIds"`,
		}},
		{"rules", header + "namespaceRules: [{namespaces: [shop], trustDomains: }, {workloadIdentifiers: [/a*]}]", []string{
			`namespaceRules[0].trustDomains: Invalid value: []: must not be empty; omit it to permit everything`,
			`namespaceRules[1].namespaces: Required value: name the namespaces, or "*" for all`,
			`namespaceRules[1].workloadIdentifiers[0]: Invalid value: "/a*": must be the path of a SPIFFE ID (/ns/shop/sa/envoy), or its beginning and /* (/ns/{namespace}/*)`,
			`namespaceRules[2]: Required value: the last rule must have namespaces "*", to say what all other namespaces may use; with kinds "None" they may use nothing`,
		}},
		{"text for number", header + `maxPeers: "8"`, []string{`maxPeers: Invalid value: "8": must be a whole number`}},
		{"fraction", header + `maxSDSSecretsPerNamespace: 2.5`, []string{`maxSDSSecretsPerNamespace: Invalid value: "2.5": must be a whole number`}},
		{"all at once", header + "listenAdress: x\nlogLevel: loud\nlogFormat: xml\nmaxMessageSize: [1]\ncallTimeout: 0s", []string{
			`maxMessageSize: Invalid value: "[1]": must be a quantity like "256Mi"`,
			`logLevel: Invalid value: "loud": must be debug, info, warn or error`,
			`logFormat: Invalid value: "xml": must be auto, json or text`,
			`listenAdress: Forbidden: unknown field`,
			`callTimeout: Invalid value: "0s": must be greater than 0`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := writeFile(t, test.file)
			for i := range test.want {
				test.want[i] = strings.ReplaceAll(test.want[i], "FILE", path)
			}
			_, errs := Load(Sources{Flags: parseFlags(t, "--config", path)})
			require.Equal(t, test.want, messages(errs))
		})
	}
}

func TestBadValues(t *testing.T) {
	long := "/" + strings.Repeat("x", unixsocket.MaxPath)
	tests := []struct {
		name string
		args []string
		env  []string
		want []string
	}{
		{"file that is not there", []string{"--config", "/no/such"}, nil, []string{
			`--config: Invalid value: "/no/such": cannot be read: no such file or directory`,
		}},
		{"rules of a flag", []string{"--namespace-rules", "namespaces=shop", "--namespace-rules", "namespaces=*;agentSockets=run"}, []string{"EGRAFT_NAMESPACE_RULES=x"}, []string{
			`EGRAFT_NAMESPACE_RULES: Invalid value: "x": "x" must be name=values, as in namespaces=*;workloadIdentifiers=/ns/{namespace}/*; only spaces separate rules`,
			`--namespace-rules[1].agentSockets[0]: Invalid value: "run": must be the absolute path of a socket (/run/spire/agent.sock), or of a folder and /* (/run/{namespace}/*)`,
		}},
		{"rules that are empty", nil, []string{"EGRAFT_NAMESPACE_RULES="}, []string{`EGRAFT_NAMESPACE_RULES: Invalid value: "": must not be empty; omit it to permit everything`}},
		{"limits", []string{"--max-peers", "65", "--max-agent-sockets-per-namespace", "0", "--max-sds-secrets-per-namespace", "1", "--max-filters-per-namespace", "0", "--max-initial-fetch-timeout", "1s"}, nil, []string{
			`--max-initial-fetch-timeout: Invalid value: "1s": must be from 2s, which is the default of policies, to 1m0s`,
			`--max-peers: Invalid value: 65: must be from 1 to 64`,
			`--max-agent-sockets-per-namespace: Invalid value: 0: must be from 1 to 1000`,
			`--max-sds-secrets-per-namespace: Invalid value: 1: must be from 2 to 100000`,
			`--max-filters-per-namespace: Invalid value: 0: must be from 1 to 1000`,
		}},
		{"limits that are no numbers", []string{"--max-peers", "many", "--max-initial-fetch-timeout", "61s"}, nil, []string{
			`--max-peers: Invalid value: "many": must be a whole number`,
			`--max-initial-fetch-timeout: Invalid value: "1m1s": must be from 2s, which is the default of policies, to 1m0s`,
		}},
		{"file of the environment", nil, []string{"EGRAFT_CONFIG=/no/such"}, []string{
			`EGRAFT_CONFIG: Invalid value: "/no/such": cannot be read: no such file or directory`,
		}},
		{"socket too long", []string{"--socket", long}, nil, []string{
			`--socket: Invalid value: "` + long + `": has 108 bytes, but the path of a Unix socket can have 107 at most`,
		}},
		{"relative socket", nil, []string{"EGRAFT_SOCKET=s"}, []string{`EGRAFT_SOCKET: Invalid value: "s": must be an absolute path`}},
		{"mode", []string{"--socket-mode", "rw"}, nil, []string{`--socket-mode: Invalid value: "rw": must be octal permissions like "0660"`}},
		{"mode with more than permissions", []string{"--socket-mode", "4660"}, nil, []string{
			`--socket-mode: Invalid value: "4660": must be octal permissions like "0660"`,
		}},
		{"uids", []string{"--allowed-uids", "1,root"}, nil, []string{`--allowed-uids: Invalid value: "1,root": "root" is not a numeric user ID`}},
		{"bool", nil, []string{"EGRAFT_REFLECTION=yes"}, []string{`EGRAFT_REFLECTION: Invalid value: "yes": must be true or false`}},
		{"socket and TCP", []string{"--listen-address", ":1", "--insecure"}, []string{"EGRAFT_SOCKET=/a", "EGRAFT_ALLOWED_UIDS=1"}, []string{
			"EGRAFT_SOCKET: Forbidden: has no effect with --listen-address",
			"EGRAFT_ALLOWED_UIDS: Forbidden: has no effect with --listen-address",
		}},
		{"certificate without TCP", []string{"--tls-client-ca-file", "x"}, nil, []string{
			"--tls-client-ca-file: Forbidden: has no effect without --listen-address",
		}},
		{"plain TCP by mistake", []string{"--listen-address", ":1"}, nil, []string{
			"--tls-cert-file: Required value: TCP needs a certificate, or --insecure",
		}},
		{"no key", []string{"--listen-address", ":1", "--tls-cert-file", "c"}, nil, []string{
			"--tls-key-file: Required value: TCP needs the key of its certificate",
		}},
		{"insecure with certificate", []string{"--listen-address", ":1", "--insecure", "--tls-client-ca-file", "a"}, nil, []string{
			"--insecure: Forbidden: must not be set together with certificates",
		}},
		{"choice", []string{"--kubernetes-outcomes", "on"}, nil, []string{`--kubernetes-outcomes: Invalid value: "on": must be one of auto, always, never`}},
		{"kubeconfig for nothing", []string{"--kubeconfig", "/k"}, []string{"EGRAFT_KUBERNETES_OUTCOMES=never"}, []string{
			"--kubeconfig: Forbidden: has no effect with EGRAFT_KUBERNETES_OUTCOMES never",
		}},
		{"addresses", []string{"--listen-address", "1", "--insecure", "--admin-address", "x:http"}, nil, []string{
			`--listen-address: Invalid value: "1": must be host:port, like "0.0.0.0:9443" or "[::1]:9443"`,
			`--admin-address: Invalid value: "x:http": must be host:port, like "0.0.0.0:9443" or "[::1]:9443"`,
		}},
		{"message size", []string{"--max-message-size", "2Gi"}, nil, []string{
			`--max-message-size: Invalid value: "2Gi": must be a whole number of bytes from 1 to 2147483647`,
		}},
		{"message size in parts", []string{"--max-message-size", "1500m"}, nil, []string{
			`--max-message-size: Invalid value: "1500m": must be a whole number of bytes from 1 to 2147483647`,
		}},
		{"negative memo", []string{"--cache-size", "-1"}, nil, []string{
			`--cache-size: Invalid value: "-1": must be a whole number of bytes from 0 to 9223372036854775807`,
		}},
		{"message size of words", []string{"--max-message-size", "big"}, nil, []string{
			`--max-message-size: Invalid value: "big": must be a quantity like "256Mi"`,
		}},
		{"message size that takes minutes to read", []string{"--max-message-size", "1e-60000000"}, nil, []string{
			`--max-message-size: Invalid value: "1e-60000000": must be a quantity like "256Mi"`,
		}},
		{"nothing to hold", []string{"--max-buffer-bytes", "0"}, nil, []string{
			`--max-buffer-bytes: Invalid value: "0": must be a whole number of bytes from 1 to 4294967295`,
		}},
		{"more to hold than the filter can", []string{"--max-buffer-bytes", "4Gi"}, nil, []string{
			`--max-buffer-bytes: Invalid value: "4Gi": must be a whole number of bytes from 1 to 4294967295`,
		}},
		{"no time for mutators", []string{"--mutator-timeout=0s"}, nil, []string{`--mutator-timeout: Invalid value: "0s": must be greater than 0`}},
		{"negative times", []string{"--shutdown-timeout=-1s", "--keepalive-min-time=-1s", "--eds-initial-fetch-timeout=-1s"}, nil, []string{
			`--keepalive-min-time: Invalid value: "-1s": must not be negative`,
			`--shutdown-timeout: Invalid value: "-1s": must not be negative`,
			`--eds-initial-fetch-timeout: Invalid value: "-1s": must not be negative`,
		}},
		{"clusters not prompt", []string{"--eds-initial-fetch-timeout=0"}, []string{"EGRAFT_FAST_CLUSTER_UPDATES=true"}, []string{
			`EGRAFT_FAST_CLUSTER_UPDATES: Forbidden: has no effect with --eds-initial-fetch-timeout 0s`,
		}},
		{"failure policies", []string{"--failure-policy", "a", "--failure-policy", "b=Deny"}, nil, []string{
			`--failure-policy: Invalid value: "a,b=Deny": "a" is not feature=policy`,
		}},
		{"failure policy twice", []string{"--failure-policy", "b=Fail", "--failure-policy", "b=Deny"}, nil, []string{
			`--failure-policy: Invalid value: "b=Fail,b=Deny": has "b" twice`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, errs := Load(Sources{Flags: parseFlags(t, test.args...), Environ: test.env})
			require.Equal(t, test.want, messages(errs))
		})
	}
}
