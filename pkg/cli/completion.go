package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/explain"
)

const (
	// completionTimeout limits how long a user waits for completions.
	completionTimeout = 2 * time.Second
	// maxCompletions limits the number of names offered.
	maxCompletions = 500
)

// gatewayAPI are the kinds of subjects in addition to custom resources.
var gatewayAPI = []schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
}

// completeSubjects completes KIND/NAMESPACE/NAME, with names from the cluster. On an error, it
// offers and prints nothing.
func (p *program) completeSubjects(flags *config.Flags, w *place) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
		s, err := p.load(flags)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		kinds := append(explain.Kinds(s.features), gatewayAPI...)
		word, _, named := strings.Cut(text, "/")
		if !named {
			return completeKinds(kinds, text), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		i := slices.IndexFunc(kinds, func(k schema.GroupVersionKind) bool { return strings.EqualFold(k.Kind, word) })
		if i < 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		c, err := cluster.Open(cluster.Config{Kubeconfig: s.Kubeconfig, Context: w.context})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeNames(ctx, c, kinds[i], word, text), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeKinds(kinds []schema.GroupVersionKind, text string) (out []string) {
	for _, k := range append(kinds, schema.GroupVersionKind{Kind: explain.ClusterKind}) {
		if name := strings.ToLower(k.Kind); strings.HasPrefix(name, strings.ToLower(text)) {
			out = append(out, name+"/")
		}
	}
	return out
}

func completeNames(ctx context.Context, c *cluster.Cluster, of schema.GroupVersionKind, word, text string) (out []string) {
	resource, err := c.Resource(ctx, of)
	if err != nil {
		return nil
	}
	all, err := c.List(ctx, resource, "", "")
	if err != nil { // the user may have access to one namespace only
		if all, err = c.List(ctx, resource, c.Namespace(), ""); err != nil {
			return nil
		}
	}
	for i := range all {
		namespace, name := all[i].GetNamespace(), all[i].GetName()
		// Completions become part of a command line.
		if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
			continue
		}
		title := word + "/" + namespace + "/" + name
		if strings.HasPrefix(title, text) && len(out) < maxCompletions {
			out = append(out, title)
		}
	}
	return out
}

// completeWords completes one of a few words.
func completeWords(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}
