import { createAddressList } from './address-list.js';

/**
 * Where clouds answer whoever asks with credentials of the machine (169.254.169.254 and its kind), and all link-local
 * addresses, since those services stand there. Names and addresses as in the documentation of AWS, Google Cloud, Azure,
 * Alibaba and Oracle.
 */
const ADDRESSES = createAddressList([
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::/32',
  'fd20:ce::254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  // IPv4 as IPv6: mapped (RFC 4291) and through NAT64 (RFC 6052).
  '::ffff:169.254.0.0/112',
  '64:ff9b::a9fe:0/112',
]);
const NAMES =
  /^(?:metadata|metadata\.(?:google\.internal|goog|azure\.internal|tencentyun\.com)|instance-data(?:\.ec2\.internal)?)$/;

/** `host` as a URL has it: numbers of any form have become addresses, IPv6 stands in brackets. */
export function isMetadataAddress(host: string): boolean {
  const plain = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return NAMES.test(plain) || ADDRESSES.has(plain);
}
