package tenancy

import "strings"

// placeholder stands for the namespace of a policy.
const placeholder = "{namespace}"

// expand fills in the namespace, which [Restrictions.Permit] made sure is a plain name.
func expand(patterns []string, namespace string) []string {
	if patterns == nil {
		return nil
	}
	out := make([]string, len(patterns))
	for i, p := range patterns {
		out[i] = strings.ReplaceAll(p, placeholder, namespace)
	}
	return out
}

// matches tells whether a name is the pattern, or begins as a pattern with an asterisk.
func matches(pattern, name string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	if !isPrefix {
		return pattern == name
	}
	return strings.HasPrefix(name, prefix)
}

// covers tells whether a pattern matches all that another one does.
func covers(pattern, other string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	if !isPrefix {
		return pattern == other
	}
	rest, otherIsPrefix := strings.CutSuffix(other, "*")
	if otherIsPrefix {
		return strings.HasPrefix(rest, prefix)
	}
	return matches(pattern, other)
}

// permits tells whether a list allows a name: nil allows all.
func permits(patterns []string, name string) bool {
	if patterns == nil {
		return true
	}
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}
