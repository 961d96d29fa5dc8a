package xdspatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// FuzzPatch compiles and applies patches of tenants. They must end, cost little, and change only
// the fields that they name.
func FuzzPatch(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, "name", "self.name", `{"name": "a"}`, `{"priority": "HIGH"}`)
	}
	f.Add("true", "circuit_breakers.thresholds[priority=HIGH].max_connections", "3", `{"connect_timeout": "3s"}`, "1")
	f.Add("", `metadata.filter_metadata["a"]`, "{'a': [1]}", `{"metadata": {"filter_metadata": {"a": {"b": [1]}}}}`, "{}")
	f.Add("", `typed_extension_protocol_options["a"][@type=`+options+`].auto_config`, "null", `{"typed_extension_protocol_options": {"a": {"@type": "type.googleapis.com/`+options+`", "auto_config": {}}}}`, "[]")
	f.Fuzz(func(t *testing.T, when, path, expression, merge, element string) {
		begin := time.Now()
		value := &v1alpha1.XDSValue{Raw: []byte(element)}
		for _, p := range []*v1alpha1.XDSPatch{
			{When: when, Remove: path},
			{Set: &v1alpha1.XDSSet{Path: path, Expression: expression}},
			{Merge: &v1alpha1.XDSObject{XDSValue: v1alpha1.XDSValue{Raw: []byte(merge)}}},
			{List: &v1alpha1.XDSList{Path: path, Append: []v1alpha1.XDSValue{*value}}},
			{List: &v1alpha1.XDSList{Path: path, Replace: value}},
		} {
			p.Select.Kind = v1alpha1.XDSCluster
			tryPatch(t, p)
		}
		require.Less(t, time.Since(begin), 10*time.Second)
	})
}

func tryPatch(t *testing.T, patch *v1alpha1.XDSPatch) {
	p, errs := xdspatch.Compile(patch, field.NewPath("patch"))
	if len(errs) > 0 {
		require.NotEmpty(t, errs.ToAggregate().Error())
		return
	}
	for _, w := range append(p.Writes(), p.Sensitive()...) {
		again, err := xdspatch.ParsePath(patch.Select, w.String())
		require.NoError(t, err)
		require.Equal(t, w.String(), again.String())
		require.True(t, w.Overlaps(again))
	}
	before := message(t, patch, `{name: a, `+thresholds+`, load_assignment: {endpoints: [{priority: 1}, {priority: 2}]}}`)
	kept := proto.Clone(before)
	_, _ = p.Matches(context.WithoutCancel(t.Context()), before, target)
	require.True(t, proto.Equal(kept, before), "a condition changed the message")
	if p.Apply(t.Context(), before, target) != nil {
		return
	}
	_, err := proto.Marshal(before)
	require.NoError(t, err)
}
