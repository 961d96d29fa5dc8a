// Package quantity reads Kubernetes quantities, such as 64Ki, that come from somebody who may
// mean harm, and says which are whole numbers.
//
// Kubernetes' own parser takes minutes for "1e-60000000": text is judged here before it gets
// there. The package must not accept what takes more than linear time.
package quantity

import (
	"errors"
	"math"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// MaxLength is the longest text in bytes. The largest int64 has 19 digits.
const MaxLength = 32

// Pattern is a regular expression, of RE2 and of Go, for what [Parse] reads: what Kubernetes
// does, with two digits of exponent at most.
const Pattern = `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`

var pattern = regexp.MustCompile(Pattern)

// errMalformed is for text that is no quantity, or one that nobody means.
var errMalformed = errors.New("must be a quantity: a number of at most 32 characters with a suffix like Ki or M")

// Parse reads a quantity in time that grows with nothing but the length, which is bounded.
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

// Whole is the quantity as a whole number, however it is written: 1.5Ki is 1536, and 1500m is
// none. It is false for what does not fit into an int64, too.
func Whole(q resource.Quantity) (n int64, whole bool) {
	if q.CmpInt64(math.MinInt64) < 0 || q.CmpInt64(math.MaxInt64) > 0 {
		return 0, false
	}
	n = q.Value()
	return n, q.CmpInt64(n) == 0
}
