package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/internal/tenancy"
)

const checkLong = `Check the settings of ` + "`egraft serve`" + ` without serving, and print what namespaces may use.
Use the same flags, environment and file as for serve. The exit code is 2 if a setting is
invalid; the command prints every error with the name of its setting.

With --namespace, it prints the rule for this namespace, with {namespace} replaced. Only
the first rule that matches applies.`

const checkExample = `  # Check a new file before you restart egraft with it
  egraft config check --config egraft.yaml

  # What may the policies in namespace shop use?
  egraft config check --config egraft.yaml --namespace shop

  # Each namespace may use identities below /ns/NAMESPACE; infra may use all
  egraft config check --namespace shop \
    --namespace-rules 'namespaces=infra' \
    --namespace-rules 'namespaces=*;workloadIdentifiers=/ns/{namespace}/*'`

func newCheck(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Check the settings of egraft, and print what a namespace may use",
		Long: checkLong, Example: checkExample, Args: noArgs,
	}
	flags := p.addFlags(cmd, "namespace-rules", "max-initial-fetch-timeout", "max-peers",
		"max-agent-sockets-per-namespace", "max-sds-secrets-per-namespace", "max-filters-per-namespace")
	namespace := cmd.Flags().String("namespace", "", "print what the policies of this namespace may use")
	cmd.RunE = func(*cobra.Command, []string) error {
		s, err := p.load(flags)
		switch {
		case err != nil:
			return err
		case *namespace == "":
			return failed(p.printRules(s))
		case len(validation.IsDNS1123Label(*namespace)) > 0:
			return fmt.Errorf("--namespace %q is not the name of a namespace", *namespace)
		}
		return failed(p.printNamespace(s, *namespace))
	}
	return cmd
}

// printRules prints the rules as written, and the limits.
func (p *program) printRules(s *settings) error {
	lines := []string{"settings are valid"}
	for i := range s.NamespaceRules {
		lines = append(lines, fmt.Sprintf("namespaceRules[%d]: %s", i, s.NamespaceRules[i:i+1]))
	}
	if len(s.NamespaceRules) == 0 {
		lines = append(lines, "namespaceRules: none, every namespace may use everything except filters and patches that require a grant")
	}
	return p.printLines(append(lines, limitLines(s)...))
}

// printNamespace prints what one namespace may use.
func (p *program) printNamespace(s *settings, namespace string) error {
	rule, at, found := s.NamespaceRules.For(namespace)
	by := "none, every namespace may use everything except filters and patches that require a grant"
	if found {
		by = fmt.Sprintf("namespaceRules[%d]", at)
	}
	lines := []string{
		"namespace: " + namespace,
		"rule: " + by,
		"kinds: " + orAny(rule.Kinds),
		"trustDomains: " + orAny(rule.TrustDomains),
		"workloadIdentifiers: " + orAny(rule.WorkloadIdentifiers),
		"agentSockets: " + orAny(rule.AgentSockets),
		"filters: " + filtersOf(rule.Filters),
	}
	return p.printLines(append(lines, limitLines(s)...))
}

// filtersOf formats the granted filters, with those that need no grant.
func filtersOf(granted []string) string {
	if slices.Contains(granted, tenancy.AllFilters) {
		return "any"
	}
	return strings.Join(append([]string{"confined ones"}, granted...), ", ")
}

func orAny(patterns []string) string {
	if patterns == nil {
		return "any"
	}
	return strings.Join(patterns, ", ")
}

// limitLines formats the limits, by their field names in the file.
func limitLines(s *settings) []string {
	return []string{
		fmt.Sprint("maxInitialFetchTimeout: ", s.MaxInitialFetchTimeout),
		fmt.Sprint("maxPeers: ", s.MaxPeers),
		fmt.Sprint("maxAgentSocketsPerNamespace: ", s.MaxAgentSockets),
		fmt.Sprint("maxSDSSecretsPerNamespace: ", s.MaxSDSSecrets),
		fmt.Sprint("maxFiltersPerNamespace: ", s.MaxFilters),
	}
}

func (p *program) printLines(lines []string) error {
	_, err := fmt.Fprintln(p.stdout, strings.Join(lines, "\n"))
	return err
}
