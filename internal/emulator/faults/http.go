package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxPlan bounds the text of a plan.
const maxPlan = 1 << 20

// ServeHTTP is the admin endpoint: GET shows the plan, PUT replaces it (a Plan, or
// a list of rules alone), DELETE ends it.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Plan())
	case http.MethodPut:
		plan, err := readPlan(http.MaxBytesReader(w, r.Body, maxPlan))
		if err == nil {
			err = s.Replace(plan)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		_ = s.Replace(Plan{}) // an empty plan is always valid
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, PUT, DELETE")
		http.Error(w, "faults know GET, PUT and DELETE", http.StatusMethodNotAllowed)
	}
}

func readPlan(body io.Reader) (plan Plan, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return plan, fmt.Errorf("reading the plan: %w", err)
	}
	into := any(&plan)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		into = &plan.Rules
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return plan, fmt.Errorf("parsing the plan: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return plan, errors.New("parsing the plan: something follows it")
	}
	return plan, nil
}
