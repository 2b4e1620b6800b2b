package journal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ServeHTTP is the admin endpoint: GET answers {"entries": […]}, selected by the
// query parameters after, since (RFC 3339), service, operation, code, request and
// limit; DELETE forgets all entries. Who may call it is the frame's business.
func (j *Journal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		filter, err := parseFilter(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct {
			Entries []Entry `json:"entries"`
		}{j.Entries(filter)})
	case http.MethodDelete:
		j.Clear()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, DELETE")
		http.Error(w, "the journal knows GET and DELETE", http.StatusMethodNotAllowed)
	}
}

func parseFilter(q url.Values) (f Filter, err error) {
	f = Filter{
		Service:   q.Get("service"),
		Operation: q.Get("operation"),
		Code:      q.Get("code"),
		RequestID: q.Get("request"),
	}
	for name := range q {
		value, want := q.Get(name), ""
		switch name {
		case "service", "operation", "code", "request":
		case "after":
			f.After, err = strconv.ParseUint(value, 10, 64)
			want = "the sequence number of an entry, such as 42"
		case "since":
			f.Since, err = time.Parse(time.RFC3339Nano, value)
			want = "a time of RFC 3339, such as 2026-01-02T15:04:05Z, with a + of its zone written %2B"
		case "limit":
			var limit uint64
			limit, err = strconv.ParseUint(value, 10, 31)
			f.Limit = int(limit)
			want = "how many of the newest entries to show, such as 20; 0 is all"
		default:
			return f, fmt.Errorf("there is no parameter %q: use after, since, service, operation, code, request, limit", name)
		}
		if err != nil {
			return f, fmt.Errorf("parameter %s=%q: want %s", name, value, want)
		}
	}
	return f, nil
}
