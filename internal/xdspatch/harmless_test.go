package xdspatch

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// everyRoot returns the messages of all kinds.
func everyRoot() (names []protoreflect.FullName) {
	for _, name := range roots {
		names = append(names, name)
	}
	for kind := range filters {
		names = append(names, Root(v1alpha1.XDSSelect{Kind: v1alpha1.XDSHTTPFilter, Filter: kind}))
	}
	slices.Sort(names)
	return names
}

// TestHarmless records which fields are sensitive, in all messages that harmless fields lead to. A
// new release of Envoy's API changes the file, and each changed line needs a review.
func TestHarmless(t *testing.T) {
	var out strings.Builder
	seen := map[protoreflect.FullName]bool{}
	for names := everyRoot(); len(names) > 0; names = names[1:] {
		if seen[names[0]] {
			continue
		}
		seen[names[0]] = true
		mt, err := envoyapi.Types{}.FindMessageByName(names[0])
		require.NoError(t, err)
		var open, closed []string
		for i := range mt.Descriptor().Fields().Len() {
			fd := mt.Descriptor().Fields().Get(i)
			switch {
			case !isHarmless(fd):
				closed = append(closed, fd.TextName())
				continue
			case byValue[fd.FullName()] != nil:
				open = append(open, fd.TextName()+" (by value)")
			default:
				open = append(open, fd.TextName())
			}
			if fd.IsMap() {
				fd = fd.MapValue()
			}
			if of := fd.Message(); of != nil && of.FullName().Parent() != "google.protobuf" {
				names = append(names, of.FullName())
			}
		}
		fmt.Fprintf(&out, "%s\n  harmless:  %s\n  sensitive: %s\n", names[0], strings.Join(open, " "), strings.Join(closed, " "))
	}
	if u := flag.Lookup("update"); u != nil && u.Value.String() == "true" {
		require.NoError(t, os.WriteFile("testdata/harmless.golden", []byte(out.String()), 0o600))
	}
	want, err := os.ReadFile("testdata/harmless.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

// TestTableNamesWhatThereIs finds entries of the table that have no effect.
func TestTableNamesWhatThereIs(t *testing.T) {
	find := func(name protoreflect.FullName) protoreflect.MessageDescriptor {
		mt, err := envoyapi.Types{}.FindMessageByName(name)
		require.NoError(t, err, name)
		return mt.Descriptor()
	}
	for name := range table().fields {
		require.NotNil(t, find(name.Parent()).Fields().ByName(name.Name()), name)
	}
	for name := range table().all {
		find(name)
	}
	for name := range table().nested {
		require.NotZero(t, find(name).Messages().Len(), name)
	}
	require.NotEmpty(t, table().nested)
	require.NotEmpty(t, table().all)
}

// TestEveryKindHasItsMessage compares the kinds with the enum values of the CRD.
func TestEveryKindHasItsMessage(t *testing.T) {
	require.NotContains(t, everyRoot(), protoreflect.FullName(""))
	require.Len(t, roots, 9)
	require.Len(t, filters, 27)
}

// TestComparisonsCost: the library charges for the elements of lists, but not for what they contain.
func TestComparisonsCost(t *testing.T) {
	inner := types.DefaultTypeAdapter.NativeToValue(make([]int64, 1000))
	list := types.DefaultTypeAdapter.NativeToValue([]ref.Val{inner, inner, inner})
	n := costs{}.CallCost(operators.Equals, "", []ref.Val{list, list}, types.True)
	require.NotNil(t, n)
	require.Greater(t, *n, uint64(30_000))
	require.Nil(t, costs{}.CallCost(operators.Equals, "", []ref.Val{types.Int(1), types.Int(1)}, types.True))
}
