package typedconfig

import "strings"

// DidYouMean returns a clause with the name that was probably meant, "" if none is close.
func DidYouMean(name string, names []string) string {
	best, least := "", max(len(name)/3, 2)+1
	if len(name) > maxQuoted {
		return ""
	}
	for _, n := range names {
		if d := distance(strings.ToLower(strings.ReplaceAll(name, "_", "")), strings.ToLower(strings.ReplaceAll(n, "_", "")), least); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance returns how many letters must be inserted, removed or replaced to turn one name into the
// other, at most limit.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }
