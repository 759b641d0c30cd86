package nodes

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"clustr/kube/token"
)

const bootstrapPrefix = "bootstrap-token-"

// BootstrapToken is a short-lived token that agents may join with.
type BootstrapToken struct {
	ID          string
	Secret      string
	Description string
	Expires     time.Time // zero: never
}

// BootstrapTokenHolds says whether `id.secret` is a token of the cluster that is still good.
func BootstrapTokenHolds(ctx context.Context, client kubernetes.Interface, text string) bool {
	id, secret, found := strings.Cut(text, ".")
	if !found || !(token.Token{Secret: text}).IsBootstrap() {
		return false
	}
	object, err := client.CoreV1().Secrets(system).Get(ctx, bootstrapPrefix+id, metav1.GetOptions{})
	if err != nil || object.Type != corev1.SecretTypeBootstrapToken {
		return false
	}
	known := bootstrapOf(object)
	return subtle.ConstantTimeCompare([]byte(known.Secret), []byte(secret)) == 1 &&
		(known.Expires.IsZero() || time.Now().Before(known.Expires)) &&
		string(object.Data["usage-bootstrap-authentication"]) == "true"
}

// CreateBootstrapToken makes a token that lasts ttl; zero: for ever.
func CreateBootstrapToken(ctx context.Context, client kubernetes.Interface, ttl time.Duration, description string) (BootstrapToken, error) {
	text, err := token.Random(11)
	if err != nil {
		return BootstrapToken{}, err
	}
	t := BootstrapToken{ID: text[:6], Secret: text[6:22], Description: description}
	data := map[string]string{
		"token-id": t.ID, "token-secret": t.Secret, "description": description,
		"usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
		"auth-extra-groups": "system:bootstrappers:k3s:default-node-token",
	}
	if ttl > 0 {
		t.Expires = time.Now().Add(ttl).UTC()
		data["expiration"] = t.Expires.Format(time.RFC3339)
	}
	_, err = client.CoreV1().Secrets(system).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: bootstrapPrefix + t.ID},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: data,
	}, metav1.CreateOptions{})
	return t, err
}

// BootstrapTokens lists the cluster's tokens.
func BootstrapTokens(ctx context.Context, client kubernetes.Interface) ([]BootstrapToken, error) {
	list, err := client.CoreV1().Secrets(system).List(ctx, metav1.ListOptions{
		FieldSelector: "type=" + string(corev1.SecretTypeBootstrapToken),
	})
	if err != nil {
		return nil, err
	}
	var all []BootstrapToken
	for i := range list.Items {
		all = append(all, bootstrapOf(&list.Items[i]))
	}
	return all, nil
}

// DeleteBootstrapToken removes the token with this id or `id.secret`.
func DeleteBootstrapToken(ctx context.Context, client kubernetes.Interface, text string) error {
	id, _, _ := strings.Cut(text, ".")
	if err := client.CoreV1().Secrets(system).Delete(ctx, bootstrapPrefix+id, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("bootstrap token %s: %w", id, err)
	}
	return nil
}

func bootstrapOf(object *corev1.Secret) BootstrapToken {
	t := BootstrapToken{
		ID:          string(object.Data["token-id"]),
		Secret:      string(object.Data["token-secret"]),
		Description: string(object.Data["description"]),
	}
	if until, err := time.Parse(time.RFC3339, string(object.Data["expiration"])); err == nil {
		t.Expires = until
	}
	return t
}
