/** The texts about doors: where clients of other protocols may come, and who is there. */

export const DOORS_MESSAGES = {
  'pane.processWithDoors': { en: 'its process; P: {count} clients', zh: '它的进程；P：{count} 个客户端' },
  'pane.doors': { en: 'who is connected', zh: '已连接的客户端' },
  'doors.place': {
    en: '{connections} connected, subscriptions: {subscriptions}',
    zh: '{connections} 个连接，订阅：{subscriptions}',
  },
  'doors.own': { en: 'HTTP {http}, TCP {tcp}: this screen itself', zh: 'HTTP {http}，TCP {tcp}：本界面自己的连接' },
  'doors.nobody': {
    en: 'nobody has come yet: connect a client to one of these addresses, any language (see README), and watch',
    zh: '还没有客户端：用任何语言的客户端连接上面任一地址（见 README），再看这里',
  },
  'doors.since': {
    en: '{door} {client} {address}  in {in}  out {out}  {since}',
    zh: '{door} {client} {address}  入 {in}  出 {out}  {since}',
  },
  'doors.sinceOnly': { en: '{door} {client} {address}  {since}', zh: '{door} {client} {address}  {since}' },
  'doors.reads': {
    en: '{destination}: group {group}, holds {held} of {credit}',
    zh: '{destination}：消费组 {group}，持有 {held}，至多 {credit}',
  },
  'doors.readsUnbounded': {
    en: '{destination}: group {group}, holds {held}',
    zh: '{destination}：消费组 {group}，持有 {held}',
  },
  'doors.more': { en: 'and {count} more', zh: '还有 {count} 个' },
  'doors.leave': { en: 'any key leaves this page', zh: '按任意键离开此页' },

  'event.clientCame': { en: '{who} came, from {address}', zh: '{who} 已连接，来自 {address}' },
  'event.clientReads': {
    en: '{who} reads {destination}, in group "{group}"',
    zh: '{who} 开始读 {destination}，消费组 “{group}”',
  },
  'event.clientWent': { en: '{who} went', zh: '{who} 已断开' },

  'process.doors': { en: 'clients: {doors}', zh: '客户端：{doors}' },

  'key.doors': { en: 'doors', zh: '连接' },
  'help.doors': { en: 'clients: STOMP, MQTT, OpenWire', zh: '客户端：STOMP、MQTT、OpenWire' },
} as const;
