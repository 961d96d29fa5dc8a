package apiserver

import (
	"fmt"
	"os"
)

// kubeconfig has %[1]s for the address, %[2]s for the authority's certificate and %[3]s for the
// path of the user's certificate without its extension.
const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://%[1]s", certificate-authority: "%[2]s"}}]
users: [{name: user, user: {client-certificate: "%[3]s.crt", client-key: "%[3]s.key"}}]
contexts: [{name: test, context: {cluster: test, user: user}}]
current-context: test
`

// Kubeconfig creates the configuration of a client for a user in groups, and returns its path.
func (s *Server) Kubeconfig(name, user string, groups ...string) (string, error) {
	certificate, err := s.PKI.Client(name, user, groups...)
	if err != nil {
		return "", err
	}
	content := fmt.Sprintf(kubeconfig, s.address, s.PKI.CA(), certificate)
	if err := os.WriteFile(certificate+".kubeconfig", []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration of client %s: %w", name, err)
	}
	return certificate + ".kubeconfig", nil
}

// ServiceAccount is [Server.Kubeconfig] for a ServiceAccount, with its RBAC permissions.
func (s *Server) ServiceAccount(namespace, name string) (string, error) {
	return s.Kubeconfig(namespace+"-"+name, "system:serviceaccount:"+namespace+":"+name,
		"system:serviceaccounts", "system:serviceaccounts:"+namespace, "system:authenticated")
}
