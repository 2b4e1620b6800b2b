package webui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

//go:embed templates
var sources embed.FS

// content is what the layout shows of every page.
type content struct {
	Title string
	Who   visitor // nobody: the page is for everybody
	// Refresh is how often a browser without scripts loads the page again; 0: never.
	Refresh int
	Version string
	Page    any // of the page's own template
}

// Name is how the header calls the visitor; "" for nobody.
func (c content) Name() string {
	u := c.Who.user
	switch {
	case u == nil:
		return ""
	case u.GetCreatedAt() == nil: // the one made up for a token, which it is called by
		return u.GetFirstName()
	}
	return u.GetEmail()
}

// readTemplates parses one template per page, each within the layout.
func readTemplates(all assets) (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{"asset": all.url, "time": clock}).ParseFS(sources, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("the embedded pages: %w", err)
	}
	files, err := sources.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("the embedded pages: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
		if name == "layout" || name == "parts" {
			continue
		}
		own, err := layout.Clone()
		if err == nil {
			pages[name], err = own.ParseFS(sources, "templates/"+f.Name())
		}
		if err != nil {
			return nil, fmt.Errorf("the embedded pages: %w", err)
		}
	}
	return pages, nil
}

// show answers with a page. Nothing is sent before all of it is there.
func (p *Pages) show(w http.ResponseWriter, status int, name string, c content) error {
	c.Version = p.version
	return p.execute(w, status, name, "layout.html", c)
}

// showPart answers with one part of a page, for htmx to put in the place of the old one.
func (p *Pages) showPart(w http.ResponseWriter, name, part string, data any) error {
	return p.execute(w, http.StatusOK, name, part, data)
}

func (p *Pages) execute(w http.ResponseWriter, status int, name, part string, data any) error {
	var b bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The visitor may have gone; there is nobody left to tell.
	_, _ = w.Write(b.Bytes())
	return nil
}

// moment is a time as pages show it.
type moment struct{ Machine, People string }

// clock is for timestamps that may be missing.
func clock(t *timestamppb.Timestamp) *moment {
	if t == nil {
		return nil
	}
	at := t.AsTime().UTC()
	return &moment{at.Format(time.RFC3339), at.Format("2006-01-02 15:04:05") + " UTC"}
}
