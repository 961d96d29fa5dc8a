package tenancy

import "strings"

// placeholder stands for the namespace of a policy in a pattern.
const placeholder = "{namespace}"

// expand replaces the placeholder with the namespace, which [Restrictions.Permit] has checked.
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

// matches reports whether the pattern is the name, or its prefix before an asterisk is a prefix of
// the name.
func matches(pattern, name string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	if !isPrefix {
		return pattern == name
	}
	return strings.HasPrefix(name, prefix)
}

// covers reports whether a pattern matches everything that another one matches.
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

// permits reports whether a list permits a name: nil permits all.
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
