// Package quantity parses Kubernetes quantities, such as 64Ki, from untrusted input, and reports
// which are whole numbers.
//
// Kubernetes' own parser takes minutes for "1e-60000000", so this package checks the text first. It
// must not accept text that takes more than linear time.
package quantity

import (
	"errors"
	"math"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// MaxLength is the maximum length of a quantity in bytes. The largest int64 has 19 digits.
const MaxLength = 32

// Pattern is a regular expression for RE2 and Go that matches what [Parse] accepts: the syntax of
// Kubernetes with an exponent of at most two digits.
const Pattern = `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`

var pattern = regexp.MustCompile(Pattern)

// errMalformed is for text that is not a quantity or has an unreasonable exponent.
var errMalformed = errors.New("must be a quantity: a number of at most 32 characters with a suffix like Ki or M")

// Parse parses a quantity in time linear in the length of the text, which is bounded.
func Parse(text string) (resource.Quantity, error) {
	if len(text) > MaxLength || !pattern.MatchString(text) {
		return resource.Quantity{}, errMalformed
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}, errMalformed
	}
	return q, nil
}

// Whole returns the quantity as a whole number, in any notation: 1.5Ki is 1536, and 1500m is not
// whole. It returns false if the value does not fit into an int64.
func Whole(q resource.Quantity) (n int64, whole bool) {
	if q.CmpInt64(math.MinInt64) < 0 || q.CmpInt64(math.MaxInt64) > 0 {
		return 0, false
	}
	n = q.Value()
	return n, q.CmpInt64(n) == 0
}
