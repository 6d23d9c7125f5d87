/** For your server: lets browsers use a Safelight server without its API key. */
export { createSafelightProxy, type ProxyHandler, type SafelightProxyOptions } from './create-safelight-proxy.ts';
