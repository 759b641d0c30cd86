// Package nodes is what servers keep about nodes: their passwords, the bootstrap tokens they may come with, their
// labels, and what must go when a Node object is deleted.
package nodes

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"clustr/kube/token"
)

const (
	system       = metav1.NamespaceSystem
	hashKey      = "hash"
	passwordPart = ".node-password.k3s"
)

// ErrPassword is the refusal of a node that shows another password than the one its name was first seen with.
var ErrPassword = errors.New("Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' " + //nolint:staticcheck // k3s's words
	"may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag")

// EnsurePassword keeps the password of a node seen for the first time, as a salted hash, and compares it later.
func EnsurePassword(ctx context.Context, client kubernetes.Interface, node, password string) error {
	name := node + passwordPart
	secret, err := client.CoreV1().Secrets(system).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		if !passwordHolds(string(secret.Data[hashKey]), password) {
			return ErrPassword
		}
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	immutable := true
	_, err = client.CoreV1().Secrets(system).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Immutable:  &immutable,
		Data:       map[string][]byte{hashKey: []byte(hash)},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return EnsurePassword(ctx, client, node, password)
	}
	return err
}

func forgetPassword(ctx context.Context, client kubernetes.Interface, node string) error {
	err := client.CoreV1().Secrets(system).Delete(ctx, node+passwordPart, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// hashPassword is `$1:<salt>:<sha256>`. Node passwords are 128 random bits, so a slow hash would add nothing.
func hashPassword(password string) (string, error) {
	salt, err := token.Random(8)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$1:%s:%s", salt, saltedSum(salt, password)), nil
}

func passwordHolds(hash, password string) bool {
	parts := strings.Split(hash, ":")
	return len(parts) == 3 && subtle.ConstantTimeCompare([]byte(parts[2]), []byte(saltedSum(parts[1], password))) == 1
}

func saltedSum(salt, password string) string {
	sum := sha256.Sum256([]byte(salt + password))
	return hex.EncodeToString(sum[:])
}
