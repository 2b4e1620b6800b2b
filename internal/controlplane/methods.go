package controlplane

import "net/http"

// knownOtherwise reports whether mux has the path of r for another method: a program that
// uses the wrong one is told so (405), and not that there is no such page.
func knownOtherwise(mux *http.ServeMux, r *http.Request) bool {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, known := mux.Handler(other); known != "" {
			return true
		}
	}
	return false
}
