package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

func artifactCommand(a *app) *cobra.Command {
	return group("artifact", "Upload, download, describe and list artifacts", nil,
		artifactUpload(a), artifactDownload(a), artifactDescribe(a), artifactList(a), artifactMissing(a))
}

func artifactUpload(a *app) *cobra.Command {
	var file, media string
	var direct client.Direct
	cmd := &cobra.Command{
		Use:   "upload -f FILE",
		Short: "Store a file under the sha256 of its bytes",
		Long: `Store a file. Its digest is computed here and checked by the CAS and by S3: what is
stored is what was read. The same content again is a success that changes nothing. Its
name and media type are kept with it: the type is told by the extension, or by the first
bytes, unless --media-type says it.
From 64 MiB on, an upload that is cut off goes on from what has arrived, by itself or when
the command is run again within a day.`,
		Example: `  managedcas --org acme artifact upload -f sbom.json
  managedcas --org acme artifact upload -f sbom.json -o json
  managedcas --org acme artifact upload -f bom --media-type application/vnd.cyclonedx+json`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := cas.ParseMediaType(media)
			if err != nil {
				return cas.Problem(err)
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				progress, done := a.progress("uploading")
				uploaded, err := c.Directly(direct).Upload(ctx, file, parsed, progress)
				done()
				if err != nil {
					return err
				}
				a.tellUploaded(uploaded, filepath.Base(file))
				if a.output == "json" {
					return a.print(uploaded, nil, nil)
				}
				return a.printArtifact(uploaded.Artifact)
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to upload (required)")
	cmd.Flags().StringVar(&media, "media-type", "", "what the file is, e.g. application/json; default: what it looks like")
	directFlag(cmd, &direct)
	return required(cmd, "file")
}

func artifactDownload(a *app) *cobra.Command {
	var text, target string
	var direct client.Direct
	cmd := &cobra.Command{
		Use:   "download -d sha256:… [--output FILE|-]",
		Short: "Fetch an artifact and check its digest",
		Long: `Fetch an artifact. It is written to --output, or under its own name in the current
directory, and appears there only when its digest agreed; - writes to standard output,
where the last byte is held back until then. An existing file is not overwritten unless
--output names it; a directory, a link or a device never is. With -o json it prints what it
wrote where, unless the artifact itself goes to standard output.`,
		Example: `  managedcas --org acme artifact download -d sha256:… --output sbom.json
  managedcas --org acme artifact download -d sha256:… --output - | jq .`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := digest.Parse(text)
			if err != nil {
				return cas.Problem(err)
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				return a.download(ctx, c.Directly(direct), d, target)
			})
		},
	}
	cmd.Flags().StringVarP(&text, "digest", "d", "", "digest of the artifact (required)")
	// This --output shadows the global one, as in the stock client (facts WIRE §1.1), and
	// would take its -o along.
	cmd.Flags().StringVar(&target, "output", "", "file to write, - for standard output")
	cmd.Flags().StringVarP(&a.output, "format", "o", "table", "output format: table or json")
	directFlag(cmd, &direct)
	return required(cmd, "digest")
}

// tellUploaded says what was not as one may think.
func (a *app) tellUploaded(u client.Uploaded, name string) {
	if !u.Created {
		a.tell("it was there already, and nothing was stored")
	}
	if u.ResumedFrom > 0 {
		a.tell("resumed from " + size(u.ResumedFrom) + " of " + size(u.Size))
	}
	if u.FileName != name {
		a.tell("its name is kept as " + strconv.Quote(u.FileName))
	}
}

// directFlag lets a command's bytes flow between this machine and the storage itself.
func directFlag(cmd *cobra.Command, direct *client.Direct) {
	cmd.Flags().TextVar(direct, "direct", client.Auto, "`WAY` past the CAS, to and from the storage itself: auto (from 8 MiB on, if the server recommends it), always, never")
}

func (a *app) download(ctx context.Context, c *client.Client, d digest.Digest, target string) error {
	progress, done := a.progress("downloading")
	defer done()
	if target == "-" {
		_, err := c.Download(ctx, d, a.stdout, progress)
		return err
	}
	folder := "."
	if target != "" {
		folder = filepath.Dir(target)
		if err := replaceable(target); err != nil {
			return err
		}
	}
	// Made like any new file, where os.CreateTemp would deny it to everybody else.
	temporary, err := os.OpenFile(filepath.Join(folder, ".managedcas-"+rand.Text()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return problem.Wrap(err, problem.Invalid, err.Error(), "choose a directory that exists and can be written")
	}
	artifact, err := c.Download(ctx, d, temporary, progress)
	err = errors.Join(err, temporary.Close()) // some file systems tell only now that they are full
	written := target
	if err == nil {
		written, err = place(temporary.Name(), target, artifact)
	}
	if err = errors.Join(err, removeIfThere(temporary.Name())); err != nil {
		return err
	}
	if target == "" {
		a.tell("written to " + strconv.Quote(written))
	}
	if a.output == "json" {
		return a.print(downloaded{artifact, written}, nil, nil)
	}
	return nil
}

// downloaded is an artifact and the file that has it.
type downloaded struct {
	client.Artifact
	Path string `json:"path"`
}

// replaceable refuses what a rename must not replace: /dev/null would become a file, a
// link would no longer lead anywhere.
func replaceable(target string) error {
	info, err := os.Lstat(target)
	if err != nil || info.Mode().IsRegular() {
		return nil // nothing is there, or what keeps us from looking will be in the way of writing
	}
	return problem.New(problem.Invalid, strconv.Quote(target)+" exists and is not a regular file", "name a file with --output FILE, or write to standard output with --output -")
}

// place gives a verified download its name, and returns it.
func place(temporary, target string, artifact client.Artifact) (string, error) {
	if target != "" {
		if err := os.Rename(temporary, target); err != nil {
			return "", problem.Wrap(err, problem.Invalid, "cannot write "+strconv.Quote(target), "say the name of a file, not of a directory, with --output FILE")
		}
		return target, nil
	}
	// The name comes from whoever uploaded it: it may not leave this directory, nor
	// replace what is here.
	name, err := cas.ParseFileName(artifact.FileName)
	if err != nil || name == "" {
		return "", problem.New(problem.Invalid, "the artifact has no usable name", "say where to write it with --output FILE")
	}
	switch err := os.Link(temporary, string(name)); {
	case errors.Is(err, os.ErrExist):
		return "", problem.Wrap(err, problem.Exists, strconv.Quote(string(name))+" exists already", "say where to write it with --output FILE")
	case err != nil: // not every file system has hard links
		return "", problem.Wrap(err, problem.Invalid, "cannot write "+strconv.Quote(string(name)), "say where to write it with --output FILE")
	}
	return string(name), nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func artifactDescribe(a *app) *cobra.Command {
	var text string
	cmd := &cobra.Command{
		Use:     "describe -d sha256:…",
		Short:   "Show size and name of an artifact",
		Example: `  managedcas --org acme artifact describe -d sha256:…`,
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := digest.Parse(text)
			if err != nil {
				return cas.Problem(err)
			}
			return a.connect(cmd, func(ctx context.Context, c *client.Client) error {
				artifact, err := c.Describe(ctx, d)
				if err != nil {
					return err
				}
				return a.printArtifact(artifact)
			})
		},
	}
	cmd.Flags().StringVarP(&text, "digest", "d", "", "digest of the artifact (required)")
	return required(cmd, "digest")
}

func (a *app) printArtifact(artifact client.Artifact) error {
	return a.print(artifact, []string{"DIGEST", "SIZE", "NAME"},
		[][]string{{artifact.Digest.String(), size(artifact.Size), artifact.FileName}})
}

// required marks a flag as required, with our own error.
func required(cmd *cobra.Command, flag string) *cobra.Command {
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flag(flag).Value.String() == "" {
			return problem.New(problem.Invalid, "--"+flag+" is missing", "see "+cmd.CommandPath()+" --help")
		}
		return nil
	}
	return cmd
}
