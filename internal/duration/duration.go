// Package duration parses durations in the format of Gateway API, as custom resources have them,
// and checks their bounds. For Go's own format, as flags have it, see pkg/setting.
package duration

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Pattern is a regular expression for RE2 and Go that matches durations, taken from Gateway API's
// CRDs. Go's [time.ParseDuration] accepts everything that matches.
// https://gateway-api.sigs.k8s.io/geps/gep-2257/
const Pattern = `^([0-9]{1,5}(h|m|s|ms)){1,4}$`

var pattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(Pattern) })

// Matches reports whether a text is a duration.
func Matches(d gwapiv1.Duration) bool { return pattern().MatchString(string(d)) }

// Parse parses a duration.
func Parse(d gwapiv1.Duration) (time.Duration, error) {
	if !Matches(d) {
		return 0, fmt.Errorf("duration %q must match %s", d, Pattern)
	}
	return time.ParseDuration(string(d))
}

// Between checks that a duration is between from and to, inclusive, and names both in the error.
func Between(at *field.Path, d, from, to gwapiv1.Duration) field.ErrorList {
	value, err := Parse(d)
	least, errLeast := Parse(from)
	most, errMost := Parse(to)
	if err != nil || errLeast != nil || errMost != nil || value < least || value > most {
		return field.ErrorList{field.Invalid(at, string(d), fmt.Sprintf("must be a duration between %s and %s", from, to))}
	}
	return nil
}
