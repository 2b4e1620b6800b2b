package service

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Database says where state is kept: one of the two.
type Database struct {
	// URL is sqlite:PATH, or postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full. What
	// it leaves open PostgreSQL's environment variables say, such as PGPASSWORD.
	URL string `yaml:"url"`
	// URLFile is a file that has nothing but the URL in it: a mounted secret.
	URLFile string `yaml:"urlFile"`
}

const (
	wantURL     = "give sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full"
	maxURLBytes = 8 << 10
)

// Target is the path of the SQLite file or the URL of PostgreSQL. Errors do not repeat
// it: there may be a password in it.
func (d Database) Target() (string, error) {
	url := d.URL
	switch {
	case url != "" && d.URLFile != "":
		return "", errors.New("database.url and database.urlFile are both given: leave one out")
	case url == "" && d.URLFile == "":
		return "", errors.New("database.url is missing: " + wantURL)
	case url == "":
		var err error
		if url, err = readURL(d.URLFile); err != nil {
			return "", fmt.Errorf("the file with the URL of the database (database.urlFile): %w", err)
		}
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok && path != "" {
		return path, nil
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return url, nil
	}
	return "", errors.New("the URL of the database has an unknown scheme: " + wantURL)
}

func readURL(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%w: give the path of the mounted secret", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxURLBytes+1))
	if err != nil {
		return "", fmt.Errorf("%w: give the path of the mounted secret", err)
	}
	url := strings.TrimSpace(string(text))
	if url == "" {
		return "", fmt.Errorf("%s is empty: %s", file, wantURL)
	}
	if len(text) > maxURLBytes || strings.ContainsAny(url, "\n\r") {
		return "", fmt.Errorf("%s has more in it than a URL: leave one line, of at most %d bytes", file, maxURLBytes)
	}
	return url, nil
}
