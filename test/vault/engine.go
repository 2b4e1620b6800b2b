package vault

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// secret is a path of the engine with its versions, the latest last.
type secret struct{ versions []version }

type version struct {
	data    map[string]any
	created time.Time
	deleted time.Time // zero: not
}

// Plant writes a secret as somebody with another client might: any fields.
func (s *Server) Plant(path string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(path, data)
}

// Planted returns the fields of a secret; nil when there is none.
func (s *Server) Planted(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.secrets[path]; found != nil {
		return found.versions[len(found.versions)-1].data
	}
	return nil
}

// DeleteLatest is "vault kv delete": the latest version is marked and can come back.
func (s *Server) DeleteLatest(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.secrets[path]; found != nil {
		found.versions[len(found.versions)-1].deleted = time.Now()
	}
}

func (s *Server) engine(r *http.Request, path string) (int, any) {
	kind, name, _ := strings.Cut(path, "/")
	switch {
	case name == "":
	case kind == "data" && r.Method == http.MethodGet:
		return s.read(name)
	case kind == "data" && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		var in struct {
			Data    map[string]any `json:"data"`
			Options map[string]any `json:"options"`
		}
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil || in.Data == nil {
			return problem(http.StatusBadRequest, "no data provided")
		}
		return http.StatusOK, enveloped(s.write(name, in.Data))
	case kind == "metadata" && r.Method == http.MethodDelete:
		delete(s.secrets, name)
		return http.StatusNoContent, nil
	}
	return problem(http.StatusMethodNotAllowed, "1 error occurred:\n\t* unsupported operation\n\n")
}

// read answers 404 for a deleted version, too, but tells its metadata.
func (s *Server) read(name string) (int, any) {
	found := s.secrets[name]
	if found == nil {
		return problem(http.StatusNotFound)
	}
	latest := found.versions[len(found.versions)-1]
	answer := enveloped(map[string]any{"data": latest.data, "metadata": found.metadata()})
	if !latest.deleted.IsZero() {
		return http.StatusNotFound, enveloped(map[string]any{"data": nil, "metadata": found.metadata()})
	}
	return http.StatusOK, answer
}

func (s *Server) write(name string, data map[string]any) map[string]any {
	found := s.secrets[name]
	if found == nil {
		found = &secret{}
		s.secrets[name] = found
	}
	found.versions = append(found.versions, version{data: data, created: time.Now()})
	return found.metadata()
}

func (s *secret) metadata() map[string]any {
	latest := s.versions[len(s.versions)-1]
	deletion := ""
	if !latest.deleted.IsZero() {
		deletion = latest.deleted.UTC().Format(time.RFC3339Nano)
	}
	return map[string]any{
		"created_time": latest.created.UTC().Format(time.RFC3339Nano), "custom_metadata": nil,
		"deletion_time": deletion, "destroyed": false, "version": len(s.versions),
	}
}

func enveloped(data any) any {
	return map[string]any{
		"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": "kv",
	}
}
