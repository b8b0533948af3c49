import javax.jms.Connection;
import javax.jms.JMSException;
import javax.jms.Session;
import javax.jms.TextMessage;
import org.apache.activemq.ActiveMQConnectionFactory;

/** Subscribes to topic-test with a listener, says so, and reads until it is ended. */
public class TopicConsumer {
    public static void main(String[] args) throws JMSException {
        Connection connection = new ActiveMQConnectionFactory().createConnection();
        connection.start();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        session.createConsumer(session.createTopic("topic-test")).setMessageListener(message -> {
            try {
                System.out.println("接收消息：" + ((TextMessage) message).getText());
            } catch (JMSException error) {
                error.printStackTrace();
            }
        });
        System.out.println("subscribed");
    }
}
