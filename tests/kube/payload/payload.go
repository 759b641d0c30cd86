// Package payload unpacks the programs and images that ride at the end of the binary: a gzipped tar, then a trailer of
// 64 characters sha256, 16 digits length, and the mark.
package payload

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	mark    = "clustr-kube-payload\n"
	trailer = 64 + 16 + len(mark)
)

// ErrNone means that the binary carries no payload: it was built by hand, not by build.sh.
var ErrNone = errors.New("this binary carries no programs; build it with build.sh")

// Unpack makes sure that data/<sum>/ below dataDir holds the programs of this binary and data/current points there.
func Unpack(dataDir string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	sum, archive, err := find(self)
	if err != nil {
		return err
	}
	data := filepath.Join(dataDir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	lock, err := lock(filepath.Join(data, ".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	home := filepath.Join(data, sum)
	if _, err := os.Stat(home); err != nil {
		if err := unpack(archive, home); err != nil {
			return fmt.Errorf("unpack programs to %s: %w", home, err)
		}
	}
	return point(filepath.Join(data, "current"), sum)
}

func find(self *os.File) (string, io.Reader, error) {
	info, err := self.Stat()
	if err != nil {
		return "", nil, err
	}
	end := info.Size() - int64(trailer)
	text := make([]byte, trailer)
	if _, err := self.ReadAt(text, end); err != nil || string(text[80:]) != mark {
		return "", nil, ErrNone
	}
	length, err := strconv.ParseInt(strings.TrimLeft(string(text[64:80]), "0"), 10, 64)
	if err != nil {
		return "", nil, ErrNone
	}
	return string(text[:64]), io.NewSectionReader(self, end-length, length), nil
}

func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return file, syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
}

func unpack(archive io.Reader, home string) error {
	temporary := home + ".tmp"
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	plain, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return os.Rename(temporary, home)
		}
		if err != nil {
			return err
		}
		if err := place(filepath.Join(temporary, filepath.Clean("/"+header.Name)), header, files); err != nil {
			return err
		}
	}
}

func place(path string, header *tar.Header, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o755)
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, header.FileInfo().Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

func point(link, target string) error {
	if now, err := os.Readlink(link); err == nil && now == target {
		return nil
	}
	temporary := link + ".tmp"
	_ = os.Remove(temporary)
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}
