package vault

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

func (s *Server) login(method string, r *http.Request) (int, any) {
	var in struct {
		Role     string `json:"role"`
		JWT      string `json:"jwt"`
		RoleID   string `json:"role_id"`
		SecretID string `json:"secret_id"`
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return problem(http.StatusMethodNotAllowed, "unsupported operation")
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return problem(http.StatusBadRequest, "failed to parse JSON input: "+err.Error())
	}
	var role, shown, refusal string
	status := http.StatusForbidden
	switch method {
	case KubernetesMount:
		role, shown, refusal = in.Role, in.JWT, "permission denied"
	case AppRoleMount:
		role, shown, refusal, status = in.RoleID, in.SecretID, "invalid role or secret ID", http.StatusBadRequest
	default:
		return problem(http.StatusForbidden, "permission denied")
	}
	grant, ok := s.logins[method+"\n"+role+"\n"+shown]
	if !ok {
		return problem(status, refusal)
	}
	return http.StatusOK, authOf(s.issue(grant), grant.TTL, grant.TTL > 0)
}

// renew gives a token its time anew, and never more than its last day leaves.
func (s *Server) renew(r *http.Request, t *token) (int, any) {
	if t.expires.IsZero() {
		return problem(http.StatusBadRequest, "lease is not renewable")
	}
	t.expires = time.Now().Add(t.grant.TTL)
	if t.expires.After(t.last) {
		t.expires = t.last
	}
	return http.StatusOK, authOf(r.Header.Get("X-Vault-Token"), time.Until(t.expires), true)
}

func authOf(text string, ttl time.Duration, renewable bool) any {
	return map[string]any{
		"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "data": nil, "warnings": nil,
		"auth": map[string]any{
			"client_token": text, "accessor": "a" + strings.TrimPrefix(text, "hvs."), "policies": []string{"default"},
			"lease_duration": int64(ttl / time.Second), "renewable": renewable, "token_type": "service",
		},
	}
}
