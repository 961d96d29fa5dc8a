package envoyadmin

// Only returns a copy of the report with only the wanted resources.
func (r *Report) Only(wanted func(kind, name string) bool) *Report {
	out := *r
	out.Resources = nil
	for _, x := range r.Resources {
		if wanted(string(x.Kind), x.Name) {
			out.Resources = append(out.Resources, x)
		}
	}
	return &out
}
