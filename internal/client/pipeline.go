package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/managedcas/managedcas/internal/problem"
)

// GitLabVariable is the id token that a job of GitLab gives to this client, by the name of
// its id_tokens entry.
const GitLabVariable = "MANAGEDCAS_ID_TOKEN"

// The variables by which a job of GitHub Actions asks for its id token.
const (
	githubURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	githubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// InPipeline reports whether this process is in a CI job that can say who it is.
func InPipeline(getenv func(string) string) bool {
	return getenv(GitLabVariable) != "" || getenv(githubURL) != "" && getenv(githubToken) != ""
}

// PipelineToken returns the token by which the CI provider of this job says who it is, to
// the audience. GitLab's was made for one when the job began.
func PipelineToken(ctx context.Context, getenv func(string) string, audience string) (string, error) {
	if token := getenv(GitLabVariable); token != "" {
		return token, nil
	}
	if !InPipeline(getenv) {
		return "", problem.New(problem.Precondition, "no CI provider says who this job is",
			"on GitHub give the job permissions: id-token: write; on GitLab an id_tokens entry "+GitLabVariable)
	}
	u, err := url.Parse(getenv(githubURL))
	if err != nil || u.Scheme != "https" && !onThisMachine(u.Hostname()) {
		return "", problem.New(problem.Invalid, githubURL+" is no https URL", "leave it as GitHub sets it")
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", fmt.Errorf("ask GitHub for the job's token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+getenv(githubToken))
	client := http.Client{Timeout: signInRequest, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", problem.Wrap(err, problem.Unavailable, "GitHub does not answer who this job is", "try again in a moment")
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 && resp.StatusCode < 500 {
		return "", problem.New(problem.Precondition, fmt.Sprintf("GitHub answers %d to who this job is", resp.StatusCode), "give the job permissions: id-token: write")
	}
	var answer struct {
		Value string `json:"value"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxSignInReply)).Decode(&answer) != nil || answer.Value == "" {
		return "", problem.New(problem.Unavailable, fmt.Sprintf("GitHub answers %d to who this job is", resp.StatusCode), "try again in a moment")
	}
	return answer.Value, nil
}
