package mutator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// listed returns features for words like "d:a,b", which means d after a and b.
func listed(text string) (features []mutator.Feature) {
	for word := range strings.FieldsSeq(text) {
		name, after, _ := strings.Cut(word, ":")
		f := mutator.Feature{Name: name}
		if after != "" {
			f.After = strings.Split(after, ",")
		}
		features = append(features, f)
	}
	return features
}

func TestOrder(t *testing.T) {
	for name, test := range map[string]struct{ list, want string }{
		"empty":                              {"", ""},
		"list":                               {"c a b", "c a b"},
		"behind one of the list":             {"a b c x:a", "a x b c"},
		"behind the last of several":         {"a b c x:b,a", "a b x c"},
		"several keep the order of the list": {"a b y:a x:a z:a", "a y x z b"},
		"behind one that moves":              {"a b y:x x:a", "a x y b"},
		"behind two at different places":     {"a b c x:a y:x,b", "a x b y c"},
		"in front in the list":               {"x:b a b", "a b x"},
		"two at one place, one behind both":  {"a b z:x,y x:a y:a", "a x y z b"},
		"a long way and a short one":         {"a b w:x,a x:y y:a", "a y x w b"},
	} {
		t.Run(name, func(t *testing.T) {
			ordered, err := mutator.Order(listed(test.list))
			require.NoError(t, err)
			var got []string
			for _, f := range ordered {
				got = append(got, f.Name)
			}
			require.Equal(t, test.want, strings.Join(got, " "))
		})
	}
}

func TestOrderRejects(t *testing.T) {
	for list, want := range map[string]string{
		"a x:b y:c,a": `feature "x": after "b": no feature has this name, the features are a, x, y` + "\n" +
			`feature "y": after "c": no feature has this name, the features are a, x, y`,
		"a x:x":           "features run after each other: x after x",
		"a x:y y:a,z z:x": "features run after each other: x after y after z after x",
		"w:x x:y y:x":     "features run after each other: x after y after x",
		"a b a":           `feature "a" is listed twice`,
	} {
		_, err := mutator.Order(listed(list))
		require.EqualError(t, err, want, list)
	}
}

// TestOrderLeavesTheList: the list may belong to the caller, so it stays unmodified.
func TestOrderLeavesTheList(t *testing.T) {
	list := listed("a b x:a")
	_, err := mutator.Order(list)
	require.NoError(t, err)
	require.Equal(t, listed("a b x:a"), list)
}
