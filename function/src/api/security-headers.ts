/**
 * Headers of the pages: nothing runs in them, and nothing is loaded into them, but what the server itself hands out.
 * @param publicUrl how callers reach the server, where a proxy stands before it: pictures come from there.
 */
export const createSecurityHeaders = (publicUrl: string | undefined): Readonly<Record<string, string>> => {
  const origins = publicUrl !== undefined && URL.canParse(publicUrl) ? ` ${new URL(publicUrl).origin}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self'${origins} blob:`,
    `connect-src 'self'${origins}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
};
